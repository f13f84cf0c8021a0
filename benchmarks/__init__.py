"""How long things take, next to `qemu-aarch64`; no tests, since a loaded machine is no failure."""
