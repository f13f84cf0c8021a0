"""Who a process acts as, and what that allows on an inode (credentials(7), path_resolution(7))."""

from __future__ import annotations

from elfuse.record import Record, replace
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.vfs.filesystem import Attributes

READ, WRITE, EXECUTE = 4, 2, 1
_S_IFDIR, _S_IFMT = 0o040000, 0o170000


class Credentials(Record, frozen=False):
    """User and group ids: real, effective, saved, filesystem; supplementary groups."""

    uid: int
    euid: int
    suid: int
    fsuid: int
    gid: int
    egid: int
    sgid: int
    fsgid: int
    groups: tuple[int, ...] = ()

    @classmethod
    def of(cls, uid: int, gid: int, groups: tuple[int, ...]) -> Credentials:
        """All user ids `uid`, all group ids `gid`."""
        return cls(uid, uid, uid, uid, gid, gid, gid, gid, groups)

    def copy(self) -> Credentials:
        return replace(self)

    def in_group(self, gid: int) -> bool:
        return gid == self.fsgid or gid in self.groups

    def owns(self, attributes: Attributes) -> bool:
        """Whether chmod, utimes and the like are allowed."""
        return self.fsuid in (0, attributes.uid)


def permitted(held: Credentials, attributes: Attributes, want: int, *, real: bool = False) -> bool:
    """Whether `want` (READ | WRITE | EXECUTE) is allowed; `real` asks for access(2)'s real ids."""
    uid = held.uid if real else held.fsuid
    mode = attributes.mode
    if uid == 0:
        # CAP_DAC_OVERRIDE: anything, but a file is executable only if somebody may execute it.
        return not want & EXECUTE or mode & _S_IFMT == _S_IFDIR or bool(mode & 0o111)
    if uid == attributes.uid:
        allowed = mode >> 6
    elif attributes.gid == (held.gid if real else held.fsgid) or attributes.gid in held.groups:
        allowed = mode >> 3
    else:
        allowed = mode
    return allowed & want == want
