"""A process's view of the tree: root, working directory, umask (shared with CLONE_FS)."""

from elfuse.runtime.abi.fcntl import AT_FDCWD
from elfuse.runtime.vfs.location import Location
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.task import Task


class FsContext:
    """Linux's struct fs_struct."""

    def __init__(self, root: Location, cwd: Location, umask: int) -> None:
        self.root = root
        self.cwd = cwd
        self.umask = umask
        self.chrooted = False

    def copy(self) -> "FsContext":
        made = FsContext(self.root, self.cwd, self.umask)
        made.chrooted = self.chrooted
        return made

    def chdir(self, task: "Task", path: bytes) -> None:
        """chdir(2)."""
        from elfuse.runtime.vfs import operations  # which needs this module

        self.cwd = operations.directory(task, AT_FDCWD, path)
