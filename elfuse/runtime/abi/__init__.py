"""Linux aarch64 ABI as data: numbers, flags, errno, structs. No behaviour, no imports from above."""
