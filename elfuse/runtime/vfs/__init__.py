"""Path resolution, mounts and descriptor tables, and the protocol filesystems satisfy."""
