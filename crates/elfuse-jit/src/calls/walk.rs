//! Paths in directories of the host that are a guest's roots, walked by the host's `openat2(2)`.
//!
//! The host walks inside a root and follows no symbolic link; links are expanded here, where it
//! shows whether one leads elsewhere than in the root it is in. Whatever that may be is left to the
//! kernel part: absolute links, mount points, permissions.

use std::cell::RefCell;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::host;

/// Longer paths are left to the kernel part.
pub(super) const LONGEST: usize = 1024;
const LINKS: usize = 8;

/// A directory of the host that answers absolute paths.
#[derive(Debug)]
pub struct HostRoot {
    /// A descriptor of it, which stays open.
    pub directory: RawFd,
    /// The host's `st_dev` of it.
    pub host_device: u64,
    /// What `st_dev` is for the guest.
    pub device: u64,
    /// Whose files show as root's; None if all show as they are.
    pub user: Option<u32>,
    /// Absolute paths below it where something else is mounted, without links.
    pub points: Vec<Vec<u8>>,
}

/// The roots, in the order in which they answer; none unless the kernel part says so.
#[derive(Debug, Default)]
pub struct Roots {
    all: OnceLock<Vec<HostRoot>>,
    /// The host can do it, and nothing but the host decides what the guest may see.
    served: AtomicBool,
}

/// What an absolute path leads to.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
pub(super) enum Found<'a> {
    /// An `O_PATH` descriptor, and where it is.
    Place(OwnedFd, Place<'a>),
    /// `ENOENT` or `ENOTDIR`.
    Absent(i32),
}

/// A path without links in a root.
#[derive(Debug)]
pub struct Place<'a> {
    /// The number of the root.
    number: usize,
    root: &'a HostRoot,
    path: Text,
}

/// What a path leads to, as the kernel part names it.
#[derive(Debug)]
pub struct Entry {
    /// The number of the root.
    pub root: usize,
    /// The directory, or the one that `name` is in.
    pub directory: OwnedFd,
    /// Its device and inode.
    pub directory_number: (u64, u64),
    /// Empty for a directory.
    pub name: Vec<u8>,
    /// Device and inode.
    pub number: (u64, u64),
    /// With the type.
    pub mode: u32,
}

#[repr(C)]
#[derive(Default)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

const RESOLVE_NO_MAGICLINKS: u64 = 2;
const RESOLVE_NO_SYMLINKS: u64 = 4;
const RESOLVE_IN_ROOT: u64 = 16;

impl Roots {
    /// Answer for these; only the first time.
    pub fn serve(&self, roots: Vec<HostRoot>) {
        let served = !roots.is_empty() && self.all.set(roots).is_ok();
        self.served.store(served, Ordering::Relaxed);
    }

    /// Leave all paths to the kernel part from now on.
    pub fn stop(&self) {
        self.served.store(false, Ordering::Relaxed);
    }

    /// One of them, whether paths are answered or not.
    pub(super) fn root(&self, number: u16) -> Option<&HostRoot> {
        self.all.get()?.get(usize::from(number))
    }

    /// Walk an absolute path; a final link is followed or not. None: the kernel part has to.
    pub(super) fn find(&self, path: &[u8], follow: bool) -> Option<Found<'_>> {
        if path.first() != Some(&b'/') || !self.served.load(Ordering::Relaxed) {
            return None;
        }
        let mut found = None;
        for (number, root) in self.all.get()?.iter().enumerate() {
            match self.walk(number, root, path, follow)? {
                Found::Absent(error) => found = Some(Found::Absent(error)),
                place @ Found::Place(..) => return Some(place),
            }
        }
        found
    }

    /// The same for the kernel part; an errno where nothing is.
    pub fn entry(&self, path: &[u8], follow: bool) -> Option<Result<Entry, i32>> {
        let (found, place) = match self.find(path, follow)? {
            Found::Place(found, place) => (found, place),
            Found::Absent(error) => return Some(Err(error)),
        };
        let status = host::status(found.as_raw_fd()).ok()?;
        let number = (status.st_dev, status.st_ino);
        let (directory, directory_number, name) = if status.st_mode & libc::S_IFMT == libc::S_IFDIR
        {
            (found, number, Vec::new())
        } else {
            let path = place.path.bytes();
            let end = path.iter().rposition(|&byte| byte == b'/')?;
            let above = open(place.root.directory, &Text::new(&path[..=end])?).ok()?;
            let status = host::status(above.as_raw_fd()).ok()?;
            let number = (status.st_dev, status.st_ino);
            (above, number, path[end + 1..].to_vec())
        };
        Some(Ok(Entry {
            root: place.number,
            directory,
            directory_number,
            name,
            number,
            mode: status.st_mode,
        }))
    }

    fn walk<'a>(
        &self,
        number: usize,
        root: &'a HostRoot,
        path: &[u8],
        follow: bool,
    ) -> Option<Found<'a>> {
        let mut path = Text::new(path)?;
        if let Some(expanded) = recall(root.directory, &path) {
            path = expanded;
        }
        for _ in 0..LINKS {
            if root.covers(path.bytes()) {
                return None;
            }
            match open(root.directory, &path) {
                Ok(place) => match follow.then(|| link(place.as_raw_fd(), c"")).flatten() {
                    None => {
                        let at = Place { number, root, path };
                        return Some(Found::Place(place, at));
                    }
                    Some(target) => path = path.splice(path.bytes().len(), target.bytes())?,
                },
                Err(error @ (libc::ENOENT | libc::ENOTDIR)) => return Some(Found::Absent(error)),
                Err(libc::ELOOP) => path = expand(root.directory, &path)?,
                Err(libc::ENOSYS) => {
                    self.stop();
                    return None;
                }
                Err(_) => return None,
            }
        }
        None
    }
}

impl HostRoot {
    /// Whether a path without links, as it is written, leads to or through a mount point.
    fn covers(&self, path: &[u8]) -> bool {
        let (mut at, mut length) = ([0; LONGEST], 0);
        for name in path.split(|&byte| byte == b'/') {
            match name {
                b"" | b"." => continue,
                b".." => {
                    let above = at[..length].iter().rposition(|&byte| byte == b'/');
                    length = above.unwrap_or(0);
                    continue;
                }
                _ => {}
            }
            at[length] = b'/';
            at[length + 1..][..name.len()].copy_from_slice(name);
            length += 1 + name.len();
            if self.points.iter().any(|point| point == &at[..length]) {
                return true;
            }
        }
        false
    }
}

impl Place<'_> {
    pub(super) fn root(&self) -> &HostRoot {
        self.root
    }
}

/// A path that ends in a NUL.
#[derive(Debug)]
struct Text {
    held: [u8; LONGEST],
    length: usize,
}

impl Text {
    fn new(path: &[u8]) -> Option<Self> {
        let mut made = Self {
            held: [0; LONGEST],
            length: path.len(),
        };
        // `covers` needs a byte more than the path, as the NUL does.
        if path.len() >= LONGEST - 1 || path.contains(&0) {
            return None;
        }
        made.held[..path.len()].copy_from_slice(path);
        Some(made)
    }

    fn bytes(&self) -> &[u8] {
        &self.held[..self.length]
    }

    fn pointer(&self) -> *const libc::c_char {
        self.held.as_ptr().cast()
    }

    /// The link whose name ends at `end` replaced by its target, which must not be absolute.
    fn splice(&self, end: usize, target: &[u8]) -> Option<Self> {
        if target.is_empty() || target[0] == b'/' {
            return None;
        }
        let (name, rest) = self.bytes().split_at(end);
        let above = name.iter().rposition(|&byte| byte == b'/')? + 1;
        Self::new(&[&name[..above], target, rest].concat())
    }
}

/// The first link on a path replaced by its target; None if there is none any more.
///
/// `readlinkat` would follow links to the name, and `..` out of the root: each name is looked at
/// after those before it, and `..` ends it.
fn expand(directory: RawFd, path: &Text) -> Option<Text> {
    let bytes = path.bytes();
    let mut start = 0;
    while start < bytes.len() {
        start += bytes[start..].iter().position(|&byte| byte != b'/')?;
        let length = bytes[start..].iter().position(|&byte| byte == b'/');
        let end = length.map_or(bytes.len(), |length| start + length);
        if &bytes[start..end] == b".." {
            return None;
        }
        if let Some(target) = link_at(directory, &bytes[..end]) {
            remember(directory, &bytes[..end]);
            return path.splice(end, target.bytes());
        }
        start = end;
    }
    None
}

thread_local! {
    /// Of each root the link in it that was expanded last: programs look for libraries in one
    /// directory after the other below `/lib`.
    static LAST: RefCell<Vec<(RawFd, Vec<u8>)>> = const { RefCell::new(Vec::new()) };
}

/// Only what is in the root itself: on the way to other links there may be links another time.
fn remember(directory: RawFd, name: &[u8]) {
    if name[1..].contains(&b'/') {
        return;
    }
    LAST.with_borrow_mut(|all| {
        all.retain(|(root, _)| *root != directory);
        all.push((directory, name.to_vec()));
    });
}

/// A path that leads along that link, if there is one still, expanded.
fn recall(directory: RawFd, path: &Text) -> Option<Text> {
    LAST.with_borrow(|all| {
        let (_, name) = all.iter().find(|(root, _)| *root == directory)?;
        let below = path.bytes().strip_prefix(name.as_slice())?;
        if below.first() != Some(&b'/') {
            return None;
        }
        path.splice(name.len(), link_at(directory, name)?.bytes())
    })
}

/// What a symbolic link says; its path counts from the directory.
fn link_at(directory: RawFd, path: &[u8]) -> Option<Text> {
    let start = path.iter().position(|&byte| byte != b'/')?;
    let name = Text::new(&path[start..])?;
    link(
        directory,
        std::ffi::CStr::from_bytes_until_nul(&name.held).ok()?,
    )
}

/// What a symbolic link says; None for anything else. An empty name is the descriptor itself.
fn link(directory: RawFd, name: &std::ffi::CStr) -> Option<Text> {
    let mut target = [0u8; LONGEST];
    // SAFETY: the buffer has that length.
    let length = unsafe {
        libc::readlinkat(
            directory,
            name.as_ptr(),
            target.as_mut_ptr().cast(),
            target.len(),
        )
    };
    Text::new(&target[..usize::try_from(length).ok()?])
}

/// An `O_PATH` descriptor of what a path without links leads to inside a directory.
fn open(directory: RawFd, path: &Text) -> Result<OwnedFd, i32> {
    let how = OpenHow {
        flags: (libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC) as u64,
        resolve: RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        ..OpenHow::default()
    };
    // SAFETY: the path ends in a NUL; `how` is what the kernel expects.
    let opened = unsafe {
        libc::syscall(
            libc::SYS_openat2,
            directory,
            path.pointer(),
            &raw const how,
            size_of::<OpenHow>(),
        )
    };
    if opened < 0 {
        return Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0));
    }
    // SAFETY: just opened.
    Ok(unsafe { OwnedFd::from_raw_fd(opened as RawFd) })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    /// Two roots, the first with links and a mount point.
    fn roots(name: &str) -> (Roots, Vec<File>, std::path::PathBuf) {
        let top = std::env::temp_dir().join(format!("elfuse-walk-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&top);
        for made in ["a/usr/lib/deep", "a/dev", "b/home", "b/dev"] {
            fs::create_dir_all(top.join(made)).unwrap();
        }
        for file in ["a/usr/lib/x", "a/dev/x", "b/home/x", "b/usr", "outside"] {
            fs::write(top.join(file), file).unwrap();
        }
        for (target, at) in [
            ("usr/lib", "a/lib"),
            ("x", "a/usr/lib/y"),
            ("../../..", "a/usr/lib/up"),
            ("/usr/lib/x", "a/absolute"),
            ("dev", "a/devices"),
            ("loop", "a/loop"),
            ("nowhere", "a/dangling"),
        ] {
            symlink(target, top.join(at)).unwrap();
        }
        let directories: Vec<_> = ["a", "b"]
            .iter()
            .map(|root| File::open(top.join(root)).unwrap())
            .collect();
        let roots = Roots::default();
        roots.serve(
            directories
                .iter()
                .map(|directory| HostRoot {
                    directory: directory.as_raw_fd(),
                    host_device: 0,
                    device: 0,
                    user: None,
                    points: vec![b"/dev".to_vec()],
                })
                .collect(),
        );
        (roots, directories, top)
    }

    fn inode(roots: &Roots, path: &str, follow: bool) -> Result<u64, Option<i32>> {
        match roots.find(path.as_bytes(), follow) {
            Some(Found::Place(place, _)) => Ok(File::from(place).metadata().unwrap().ino()),
            Some(Found::Absent(error)) => Err(Some(error)),
            None => Err(None),
        }
    }

    #[test]
    fn paths_lead_where_the_guest_expects() {
        let (roots, _directories, top) = roots("places");
        let number = |path: &str| Ok(fs::symlink_metadata(top.join(path)).unwrap().ino());
        for (path, follow, at) in [
            ("/usr/lib/x", true, "a/usr/lib/x"),
            ("/lib/x", true, "a/usr/lib/x"),
            ("//lib//./x", true, "a/usr/lib/x"),
            ("/lib/y", true, "a/usr/lib/x"),
            ("/lib/y", false, "a/usr/lib/y"),
            ("/lib", false, "a/lib"),
            ("/lib/", false, "a/usr/lib"),
            ("/usr/lib/../lib/x", true, "a/usr/lib/x"),
            ("/../usr/lib/deep/..", true, "a/usr/lib"),
            ("/usr/lib/up/usr", true, "a/usr"),
            ("/home/x", true, "b/home/x"),
            ("/", true, "a"),
        ] {
            assert_eq!(inode(&roots, path, follow), number(at), "{path}");
        }
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn a_link_that_changes_leads_elsewhere() {
        let (roots, _directories, top) = roots("changes");
        let number = |path: &str| Ok(fs::symlink_metadata(top.join(path)).unwrap().ino());
        assert_eq!(inode(&roots, "/lib/x", true), number("a/usr/lib/x"));
        fs::remove_file(top.join("a/lib")).unwrap();
        assert_eq!(inode(&roots, "/lib/x", true), Err(Some(libc::ENOENT)));
        symlink("other", top.join("a/lib")).unwrap();
        fs::create_dir(top.join("a/other")).unwrap();
        fs::write(top.join("a/other/x"), "x").unwrap();
        assert_eq!(inode(&roots, "/lib/x", true), number("a/other/x"));
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn absent_paths_are_absent_in_all_roots() {
        let (roots, _directories, top) = roots("absent");
        for (path, error) in [
            ("/nothing", libc::ENOENT),
            ("/lib/nothing", libc::ENOENT),
            ("/usr/lib/x/", libc::ENOTDIR),
            ("/usr/lib/x/z", libc::ENOTDIR),
            ("/home/x/z", libc::ENOTDIR),
            ("/dangling", libc::ENOENT),
            ("/lib/up/../outside", libc::ENOENT),
        ] {
            assert_eq!(inode(&roots, path, true), Err(Some(error)), "{path}");
        }
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn what_the_host_cannot_know_is_left_to_the_kernel_part() {
        let (roots, _directories, top) = roots("left");
        let long = "/x".repeat(LONGEST / 2);
        for path in [
            "/dev",
            "/dev/x",
            "/usr/../dev/x",
            "/devices/x",
            "/absolute",
            "/loop",
            "lib/x",
            "",
            &long,
        ] {
            assert_eq!(inode(&roots, path, true), Err(None), "{path}");
        }
        roots.stop();
        assert_eq!(inode(&roots, "/usr/lib/x", true), Err(None));
        fs::remove_dir_all(top).unwrap();
    }
}
