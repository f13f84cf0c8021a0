//! Has the linker put an identification of the build into the library: see `cache/key.rs`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,--build-id=sha1");
}
