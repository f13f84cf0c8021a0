"""Filesystems the kernel provides itself: host directories, proc, dev, sys, tmp, pts."""
