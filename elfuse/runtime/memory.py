"""The guest's address space: areas, checked copies, mmap and its relatives, faults.

Copies by the kernel part check areas first: touching an unmapped part of the slab would kill the
host process. Behaviour follows mmap(2), mremap(2), brk(2), madvise(2) and Linux's mm/mmap.c.
"""

import os

from elfuse.engine.protocol import AddressSpace, Change, Protection, Segment
from elfuse.engine.ranges import Range, RangeMap
from elfuse.record import replace
from elfuse.runtime.abi import mman
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.places import Places
from elfuse.runtime.vma import Area, Backing, Listing, mapped_only, shared_identity
from elfuse.typing import Callable, Iterator, Sequence

_Noted = tuple[int, int, int, int, Backing | Area | None, int]
"""A `MappingChange`, with the file instead of its descriptor, or the area itself."""

PAGE = 4096
_SIGBUS, _SIGSEGV = 7, 11
_BUS_ADRERR, _SEGV_MAPERR, _SEGV_ACCERR = 2, 1, 2
_MMAP_MIN = 0x10000
_STACK_GUARD = 256 * PAGE
_STACK_LIMIT = 8 << 20
_MOST_NOTED = 32
"""As many changes may wait, and files be open that nothing maps any more."""
_MOST_STRINGS = 0x7FFFFFFF // 8
"""MAX_ARG_STRINGS, as far as they could be pointed at."""
_ADDRESS = (1 << 64) - 1
_USUAL = Protection.READ | Protection.WRITE | Protection.EXECUTE
_HEAP = Area(Protection.READ | Protection.WRITE, name=b"[heap]")
_HEAP_GREW, _FILE, _PROTECTED = int(Change.HEAP), int(Change.FILE), int(Change.PROTECTED)


def page_up(value: int) -> int:
    """The next page boundary."""
    return (value + PAGE - 1) & -PAGE


class Memory:
    """One address space. Guarded by the kernel lock."""

    def __init__(self, space: AddressSpace) -> None:
        self.space = space
        self.view = space.view
        self._known: RangeMap[Area] = RangeMap()
        self.exe: Backing | None = None
        """The program's file, kept for /proc/PID/exe."""
        self._noted: list[_Noted] = []
        """What the engine did by itself and is not in `_known` yet."""
        self._never_serve = False
        self._file_of: Callable[[int], OpenFile] | None = None
        """While the engine answers mapping calls: what is open as a descriptor."""
        self._left: list[object] = []
        """What was mapped in parents: freeing it would copy the pages it is in."""
        self._mapped_only: list[tuple[int, int]] | None = None
        """Ranges of host descriptors that nothing but mappings holds, noted at the last fork if that is all
        there is to give back. None after a change."""
        self._inherited = False
        """All mappings are the parent's."""
        self.randomize = True
        self.places = Places(space.limit)
        self.reset()

    def reset(self) -> None:
        """An empty address space, for execve."""
        if self._inherited and self._mapped_only is not None:
            self._left += (self._known, self.exe)
            for first, end in self._mapped_only:
                os.closerange(first, end)
        self._known = RangeMap()
        self._noted = []
        self._file_of = None
        self._may_serve = not self._never_serve
        """The engine may answer mapping calls."""
        self._wipes = False
        """Whether some area may have to be wiped in the child of a fork."""
        self.space.clear()
        self._forget()
        self.stack_limit = _STACK_LIMIT
        self.brk_start = self.brk_end = 0
        self.vdso_sigreturn = 0
        self.auxv = b""
        self.exe = None
        self.places.begin(randomize=self.randomize)

    def before_fork(self) -> None:
        """Note what the child's execve has to give back, so that it need not look for it."""
        areas = self._areas
        if self._mapped_only is None:
            backings = {self.exe, *(found.value.backing for found in areas)}
            self._mapped_only = mapped_only([each for each in backings if each is not None])

    def after_fork(self) -> None:
        """In the child: pages marked MADV_WIPEONFORK read as zero."""
        self._inherited = True
        for found in list(self._areas) if self._wipes else ():
            if found.value.wipe_on_fork:
                self.space.discard(found.start, found.end - found.start)

    def program_base(self, length: int) -> int:
        """Where a position-independent program of this length goes."""
        return self.space.program_home(length) or self.places.program_base

    def home(self, length: int) -> int:
        """Where a file of this length goes in every run; 0 if that is taken or there is no place."""
        return self.space.home(length)

    def _forget(self) -> None:
        """Files may have gone, or come."""
        self._mapped_only = None
        self._inherited = False

    # Copies

    def read(self, address: int, size: int) -> bytes:
        """EFAULT unless all of it is readable."""
        found = self.space.load(address, size)
        if found is None:
            self._require(address, size, Protection.READ)
            found = bytes(self.view[address : address + size])
        return found

    def write(self, address: int, data: bytes | memoryview) -> None:
        """EFAULT unless all of it is writable, which may be found after a part is written."""
        if not self.space.store(address, data):
            self._require(address, len(data), Protection.WRITE)
            self.view[address : address + len(data)] = data

    def read_u32(self, address: int) -> int:
        return int.from_bytes(self.read(address, 4), "little")

    def read_u64(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")

    def write_u32(self, address: int, value: int) -> None:
        self.write(address, (value & 0xFFFF_FFFF).to_bytes(4, "little"))

    def write_u64(self, address: int, value: int) -> None:
        self.write(address, (value & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little"))

    def read_cstring(self, address: int, limit: int) -> bytes:
        """Up to a NUL; EFAULT if unreadable before one, ENAMETOOLONG without one in `limit` bytes."""
        text = self.space.text(address, limit)
        if text is not None:
            return text
        found = bytearray()
        while len(found) < limit:
            at = address + len(found)
            size = min(256, limit - len(found))
            part = bytes(self.readable(at, size))
            end = part.find(0)
            if end >= 0:
                return bytes(found + part[:end])
            found += part
        raise SyscallError(Errno.ENAMETOOLONG)

    def read_cstrings(self, array: int, limit: int) -> list[bytes]:
        """The strings that a NULL-terminated array names; EFAULT, E2BIG for one that is too long."""
        texts = self.space.texts(array, limit)
        if texts is not None:
            return texts
        texts = []
        while len(texts) <= _MOST_STRINGS:
            at = array + 8 * len(texts)
            # As many as are left on the page; words may lie across its end.
            size = max(8, (-at & (PAGE - 1)) & -8)
            words = self.read(at, size)
            for place in range(0, size, 8):
                pointer = int.from_bytes(words[place : place + 8], "little")
                if not pointer:
                    return texts
                try:
                    texts.append(self.read_cstring(pointer, limit))
                except SyscallError as error:
                    if error.errno is Errno.ENAMETOOLONG:
                        raise SyscallError(Errno.E2BIG) from None
                    raise
        raise SyscallError(Errno.E2BIG)

    def read_cstring_prefix(self, address: int, limit: int) -> bytes:
        """Up to a NUL or `limit` bytes."""
        found = bytearray()
        while len(found) < limit:
            part = bytes(self.readable(address + len(found), limit - len(found)))
            end = part.find(0)
            if end >= 0:
                return bytes(found + part[:end])
            found += part
        return bytes(found)

    def readable(self, address: int, size: int) -> memoryview:
        """The readable beginning of a range; EFAULT if its first byte is not."""
        end = self._accessible(address, size, Protection.READ)
        return self.view[address:end]

    def writable(self, address: int, size: int) -> memoryview:
        """The writable beginning of a range; EFAULT if its first byte is not."""
        end = self._accessible(address, size, Protection.WRITE)
        return self.view[address:end]

    def peek(self, address: int, size: int) -> bytes:
        """The mapped beginning of a range, whatever its protection (ptrace(2)); EFAULT if none is."""
        return self.space.peek(address, self._mapped_end(address, size) - address)

    def poke(self, address: int, data: bytes) -> None:
        """Change memory whatever its protection, as ptrace(2) does: private pages become copies.

        EFAULT unless all is mapped, EIO for shared memory that cannot be written.
        """
        end = address + len(data)
        if self._mapped_end(address, len(data)) < end:
            raise SyscallError(Errno.EFAULT)
        for found in self._areas.overlapping(address, end):
            start, stop = max(found.start, address), min(found.end, end)
            part = data[start - address : stop - address]
            if not found.value.shared:
                self.space.poke(start, part)
            elif found.value.protection & Protection.WRITE:
                self.view[start:stop] = part
            else:
                raise SyscallError(Errno.EIO)

    def _mapped_end(self, address: int, size: int) -> int:
        """End of the part of a range that has storage; EFAULT if it has none at its beginning."""
        end, at = min(address + size, self.space.limit), address
        while at < end and (found := self._areas.at(at)) is not None:
            usable = self._backed_end(found)
            at = max(at, usable)
            if usable < found.end:
                break
        if at <= address:
            raise SyscallError(Errno.EFAULT)
        return min(at, end)

    def iovecs(self, address: int, count: int, *, writable: bool) -> list[memoryview]:
        """The buffers of a struct iovec array.

        EINVAL for a bad count or a total above SSIZE_MAX. EFAULT if the first byte is not
        accessible; what follows an inaccessible byte is left out, so transfers come out short.
        """
        if not 0 <= count <= 1024:
            raise SyscallError(Errno.EINVAL)
        raw = self.read(address, 16 * count)
        buffers: list[memoryview] = []
        total = 0
        for at in range(0, len(raw), 16):
            base = int.from_bytes(raw[at : at + 8], "little")
            size = int.from_bytes(raw[at + 8 : at + 16], "little")
            total += size
            if size >> 63 or total >> 63:
                raise SyscallError(Errno.EINVAL)
            if not size:
                continue
            try:
                buffer = self.writable(base, size) if writable else self.readable(base, size)
            except SyscallError:
                if buffers:
                    break
                raise
            buffers.append(buffer)
            if len(buffer) < size:
                break
        return buffers

    def _require(self, address: int, size: int, need: Protection) -> None:
        if self._accessible(address, size, need) < address + size:
            raise SyscallError(Errno.EFAULT)

    def _accessible(self, address: int, size: int, need: Protection) -> int:
        """End of the part of a range that allows `need`."""
        if size == 0:
            return address
        end = min(address + size, self.space.limit)
        at = address
        while at < end:
            found = self._areas.at(at)
            if found is None and self._grow(at):
                found = self._areas.at(at)
            if found is None or not found.value.protection & need:
                break
            usable = self._backed_end(found)
            if usable <= at:
                break
            at = usable
            if usable < found.end:
                break
        if at <= address:
            raise SyscallError(Errno.EFAULT)
        return min(at, end)

    def _backed_end(self, found: Range[Area]) -> int:
        """End of the part of an area that has storage: a file's pages end with the file."""
        backing = found.value.backing
        if backing is None:
            return found.end
        size = page_up(os.fstat(backing.file.host_fd()).st_size)
        return min(found.end, max(found.start, size - found.value.delta))

    # Faults

    def fault(self, address: int, access: Protection) -> tuple[int, int] | None:
        """None if the access can be repeated, else (signal, si_code)."""
        if address >= self.space.limit:
            return _SIGSEGV, _SEGV_MAPERR
        found = self._areas.at(address)
        if found is None:
            if access is not Protection.EXECUTE and self._grow(address):
                return None
            return _SIGSEGV, _SEGV_MAPERR
        if not found.value.protection & access:
            return _SIGSEGV, _SEGV_ACCERR
        if address >= self._backed_end(found):
            return _SIGBUS, _BUS_ADRERR
        # The file has grown since it was mapped.
        self.space.reveal(address & -PAGE, PAGE, found.value.protection)
        return None

    def _grow(self, address: int) -> bool:
        """Extend a grows-down area to `address`, if one begins above and the limit allows it."""
        above = self._areas.after(address)
        if above is None or not above.value.grows_down:
            return False
        start = address & -PAGE
        top = above.end
        while (upper := self._areas.at(top)) is not None and upper.value.grows_down:
            top = upper.end
        if top - start > self.stack_limit:
            return False
        below = self._areas.before(start + 1)
        if below is not None and not below.value.grows_down and start - below.end < _STACK_GUARD:
            return False
        length = above.start - start
        self.space.map_anonymous(start, length, above.value.protection, shared=False)
        self._areas.set(start, start + length, above.value)
        return True

    # Areas

    @property
    def _areas(self) -> RangeMap[Area]:
        """What is mapped."""
        if self._is_behind():
            self.catch_up()
        return self._known

    def _is_behind(self) -> bool:
        """The engine has done something that is not in `_known`."""
        return bool(self._noted) or self.space.is_ahead()

    def serve_calls(self, file_of: Callable[[int], OpenFile]) -> None:
        """Let the engine answer mapping calls of the only task, whose open files `file_of` knows."""
        if self._may_serve:
            self._file_of = file_of
            self.space.serve_calls(self.brk_start, self.brk_end, self.places.mmap_base)

    def stop_calls(self, *, for_good: bool = False) -> None:
        """Leave mapping calls to the kernel part until the next execve, or for good."""
        self._may_serve = False
        self._never_serve |= for_good
        if self._file_of is not None:
            self.space.stop_calls()
            self.catch_up()
            self._file_of = None

    def take_note(self) -> None:
        """Before a descriptor goes that the engine may have mapped: keep what is open there."""
        if not self.space.is_ahead():
            return
        files: dict[int, Backing] = {}
        for kind, start, end, protection, fd, offset in self.space.take_changes():
            backing = None
            if kind == _FILE:
                assert self._file_of is not None
                backing = files.get(fd)
                if backing is None:
                    backing = files[fd] = Backing(self._file_of(fd))
            self._noted.append((kind, start, end, protection, backing, offset))
        if len(self._noted) > _MOST_NOTED:
            self.catch_up()

    def catch_up(self) -> None:
        """Let go what the engine has unmapped: until then its files are open."""
        self.take_note()
        noted, self._noted = self._noted, []
        known = self._known
        for kind, start, end, protection, held, offset in noted:
            if kind == _PROTECTED:
                for found in known.overlapping(start, end):
                    area = found.value.protected(Protection(protection))
                    known.set(max(found.start, start), min(found.end, end), area)
                continue
            if kind == _HEAP_GREW:
                self.brk_end = offset
                if start < end:
                    known.set(start, end, _HEAP)
                continue
            if kind == Change.UNMAPPED:
                known.clear(start, end)
            elif isinstance(held, Area):
                known.set(start, end, held)
            elif held is not None:
                area = Area(Protection(protection), backing=held, delta=offset - start)
                known.set(start, end, area)
            else:
                known.set(start, end, Area(Protection(protection)))
            self._forget()

    def areas(self) -> Iterator[Listing]:
        """The areas in order, neighbours that differ in nothing merged."""
        start = end = 0
        last: Area | None = None
        for found in self._areas:
            if last is not None and found.start == end and last.mergeable(found.value):
                end = found.end
                continue
            if last is not None:
                yield Listing(start, end, last)
            start, end, last = found.start, found.end, found.value
        if last is not None:
            yield Listing(start, end, last)

    @property
    def vm_size(self) -> int:
        """Mapped bytes."""
        return sum(found.end - found.start for found in self._areas)

    def find_gap(self, length: int, hint: int = 0) -> int:
        """A free place: at the hint if it is free, else the highest below mmap_base. ENOMEM."""
        if not hint and self._may_serve:
            start = self.space.gap(self.places.mmap_base, length)
            if start:
                return start
        hint &= -PAGE
        fits = hint >= _MMAP_MIN and hint + length <= self.space.limit
        if fits and not self._areas.overlapping(hint, hint + length):
            return hint
        ceiling = self.places.mmap_base
        for found in reversed(list(self._areas)):
            if found.start >= ceiling:
                continue
            below = ceiling - length
            if below >= found.end:
                return below
            ceiling = min(ceiling, found.start - (_STACK_GUARD if found.value.grows_down else 0))
        if ceiling - length >= _MMAP_MIN:
            return ceiling - length
        return self._gap_above(length)

    def _gap_above(self, length: int) -> int:
        at = self.places.mmap_base
        for found in self._areas.overlapping(at, self.space.limit):
            if found.start - at >= length:
                return at
            at = max(at, found.end)
        if self.space.limit - at >= length:
            return at
        raise SyscallError(Errno.ENOMEM)

    # mmap and relatives

    def mmap(
        self,
        address: int,
        length: int,
        protection: int,
        flags: int,
        file: OpenFile | None,
        offset: int,
    ) -> int:
        """mmap(2): the address. `file` is None for MAP_ANONYMOUS."""
        if length == 0 or offset & (PAGE - 1) or offset < 0:
            raise SyscallError(Errno.EINVAL)
        length = page_up(length)
        if not 0 < length <= self.space.limit or offset + length >> 63:
            raise SyscallError(Errno.ENOMEM if length > self.space.limit else Errno.EOVERFLOW)
        kind = flags & mman.MAP_TYPE
        shared = kind in (mman.MAP_SHARED, mman.MAP_SHARED_VALIDATE)
        if not shared and kind != mman.MAP_PRIVATE:
            raise SyscallError(Errno.EINVAL)
        if flags & mman.MAP_HUGETLB:
            raise SyscallError(Errno.ENOMEM)
        start = self._place(address, length, protection, flags, file)
        if file is None and shared:
            from elfuse.runtime.files.anonymous import SharedMemory  # not in every run

            file, offset = SharedMemory.create(length), 0
        area = self._new_area(protection, flags, file, offset - start, shared=shared)
        self._install(start, length, area)
        return start

    def _place(
        self, address: int, length: int, protection: int, flags: int, file: OpenFile | None
    ) -> int:
        if not flags & (mman.MAP_FIXED | mman.MAP_FIXED_NOREPLACE):
            private = flags & mman.MAP_TYPE == mman.MAP_PRIVATE
            if not address and private and (file is not None or _reserves(protection, flags)):
                home = self.home(length)
                if home:
                    return home
            key = () if address else self.places.key(length, protection, file)
            if not key:
                return self.find_gap(length, address)
            start = self.find_gap(length, self.places.hoped(key) or 0)
            self.places.note(key, start)
            return start
        if address & (PAGE - 1):
            raise SyscallError(Errno.EINVAL)
        if address + length > self.space.limit:
            raise SyscallError(Errno.ENOMEM)
        if address < _MMAP_MIN:
            raise SyscallError(Errno.EPERM)
        if flags & mman.MAP_FIXED_NOREPLACE and self._areas.overlapping(address, address + length):
            raise SyscallError(Errno.EEXIST)
        return address

    def _new_area(
        self, protection: int, flags: int, file: OpenFile | None, delta: int, *, shared: bool
    ) -> Area:
        allowed = Protection(protection & int(_USUAL))
        if file is None:
            identity = shared_identity(os.getpid()) if shared else (0, 0)
            grows = bool(flags & mman.MAP_GROWSDOWN) and not shared
            if grows:
                # The engine does not know of the gap below.
                self.stop_calls()
            return Area(allowed, shared=shared, identity=identity, grows_down=grows)
        if not file.readable:
            raise SyscallError(Errno.EACCES)
        if shared and allowed & Protection.WRITE and not file.writable:
            raise SyscallError(Errno.EACCES)
        if shared and allowed & Protection.WRITE and file.append:
            raise SyscallError(Errno.EACCES)
        file.host_fd()
        sealed = shared and file.write_sealed
        if sealed and allowed & Protection.WRITE:
            raise SyscallError(Errno.EPERM)
        may_write = not shared or (file.writable and not sealed)
        return Area(allowed, shared=shared, backing=Backing(file), delta=delta, may_write=may_write)

    def map_area(self, start: int, length: int, area: Area) -> None:
        """Map zeroed pages of a private `area` where nothing is."""
        self.space.map_anonymous(start, length, area.protection, shared=False)
        self._noted.append((Change.ANONYMOUS, start, start + length, 0, area, 0))

    def map_program(self, file: OpenFile, segments: Sequence[Segment], base: int) -> Backing:
        """Map a program's segments where nothing is; what holds its file."""
        backing = Backing(file)
        for kind, start, end, protection, _fd, offset in self.space.map_program(
            segments, base & _ADDRESS, file.host_fd()
        ):
            held = backing if kind == _FILE else None
            self._noted.append((kind, start, end, protection, held, offset))
        return backing

    def _install(self, start: int, length: int, area: Area) -> None:
        if area.backing is None:
            self.space.map_anonymous(start, length, area.protection, shared=area.shared)
        else:
            self.space.map_file(
                start,
                length,
                area.protection,
                area.backing.file.host_fd(),
                start + area.delta,
                shared=area.shared,
            )
        self._areas.set(start, start + length, area)
        self._forget()

    def munmap(self, start: int, length: int) -> None:
        """munmap(2)."""
        if start & (PAGE - 1) or length == 0 or start + length > self.space.limit:
            raise SyscallError(Errno.EINVAL)
        length = page_up(length)
        if self._areas.clear(start, start + length):
            self.space.unmap(start, length)
        self._forget()

    def mprotect(self, start: int, length: int, protection: int) -> None:
        """mprotect(2); what precedes a gap is changed before ENOMEM, as on Linux."""
        grows = protection & (mman.PROT_GROWSDOWN | mman.PROT_GROWSUP)
        known = int(_USUAL) | mman.PROT_BTI | mman.PROT_GROWSDOWN | mman.PROT_GROWSUP
        if start & (PAGE - 1) or protection & ~known:
            raise SyscallError(Errno.EINVAL)
        end = start + page_up(length)
        if end == start:
            return
        if end > self.space.limit:
            raise SyscallError(Errno.ENOMEM)
        if grows:
            start = self._growth_start(start, grows)
        wanted = Protection(protection & int(_USUAL))
        at = start
        for found in self._areas.overlapping(start, end):
            if found.start > at:
                break
            upto = min(found.end, end)
            area = found.value
            if wanted & Protection.WRITE and not area.may_write:
                raise SyscallError(Errno.EACCES)
            if area.protection != wanted:
                self._areas.set(at, upto, area.protected(wanted))
                self.space.protect(at, upto - at, wanted)
            at = upto
        self._forget()
        if at < end:
            raise SyscallError(Errno.ENOMEM)

    def _growth_start(self, start: int, grows: int) -> int:
        found = self._areas.at(start)
        if found is None:
            raise SyscallError(Errno.ENOMEM)
        if grows & mman.PROT_GROWSUP or not found.value.grows_down:
            raise SyscallError(Errno.EINVAL)
        return found.start

    def mremap(self, old: int, old_size: int, new_size: int, flags: int, target: int) -> int:
        """mremap(2): where the mapping is now."""
        move, fixed, keep = (
            flags & mman.MREMAP_MAYMOVE,
            flags & mman.MREMAP_FIXED,
            flags & mman.MREMAP_DONTUNMAP,
        )
        if old & (PAGE - 1) or flags & ~7 or not new_size or ((fixed or keep) and not move):
            raise SyscallError(Errno.EINVAL)
        old_size, new_size = page_up(old_size), page_up(new_size)
        if keep and old_size != new_size:
            raise SyscallError(Errno.EINVAL)
        found = self._areas.at(old)
        if found is None:
            raise SyscallError(Errno.EFAULT)
        if new_size > self.space.limit:
            raise SyscallError(Errno.ENOMEM if not fixed else Errno.EINVAL)
        if fixed:
            self._check_remap_target(old, old_size, new_size, target)
        if old_size == 0:
            return self._duplicate(found, old, new_size, target if fixed else 0, movable=bool(move))
        if not self._areas.covered(old, old + old_size):
            raise SyscallError(Errno.EFAULT)
        if not fixed and not keep and self._resize(old, old_size, new_size, movable=bool(move)):
            return old
        return self._move(found, old, old_size, new_size, target if fixed else 0, keep=bool(keep))

    def _resize(self, old: int, old_size: int, new_size: int, *, movable: bool) -> bool:
        """Shrink or grow in place; ENOMEM if that cannot be done and it must not move."""
        if new_size < old_size:
            self.munmap(old + new_size, old_size - new_size)
        if new_size <= old_size or self._extend(old, old_size, new_size):
            return True
        if not movable:
            raise SyscallError(Errno.ENOMEM)
        return False

    def _check_remap_target(self, old: int, old_size: int, new_size: int, target: int) -> None:
        overlap = target < old + old_size and old < target + new_size
        if target & (PAGE - 1) or target + new_size > self.space.limit or overlap:
            raise SyscallError(Errno.EINVAL)
        if target < _MMAP_MIN:
            raise SyscallError(Errno.EPERM)

    def _extend(self, old: int, old_size: int, new_size: int) -> bool:
        end = old + old_size
        if self._areas.overlapping(end, old + new_size) or old + new_size > self.space.limit:
            return False
        last = self._areas.at(end - 1)
        assert last is not None
        if last.value.shared and last.value.backing is None:
            # More of the same shared memory cannot be had from the host.
            return False
        self._install(end, new_size - old_size, last.value)
        return True

    def _duplicate(
        self, found: Range[Area], old: int, size: int, target: int, *, movable: bool
    ) -> int:
        """One more mapping for mremap of length 0: one more mapping of the same shared pages."""
        area = found.value
        if not movable or not area.shared or area.backing is None:
            raise SyscallError(Errno.EINVAL)
        start = target or self.find_gap(size)
        offset = old + area.delta
        copy = Area(
            area.protection,
            shared=True,
            backing=area.backing,
            delta=offset - start,
            may_write=area.may_write,
        )
        self._install(start, size, copy)
        return start

    def _move(
        self, found: Range[Area], old: int, old_size: int, new_size: int, target: int, *, keep: bool
    ) -> int:
        if found.value.grows_down:
            # The engine does not know of the gap below.
            self.stop_calls()
        start = target or self.find_gap(new_size)
        if target:
            self.munmap(target, new_size)
        kept = min(old_size, new_size)
        if new_size < old_size:
            self.munmap(old + new_size, old_size - new_size)
        parts = self._areas.clear(old, old + kept)
        self.space.move(old, start, kept)
        shift = start - old
        for part in parts:
            moved = part.value
            if moved.backing is not None:
                moved = _shifted(moved, shift)
            self._areas.set(part.start + shift, part.end + shift, moved)
        self._forget()
        if new_size > kept:
            last = self._areas.at(start + kept - 1)
            assert last is not None
            self._install(start + kept, new_size - kept, last.value)
        if keep:
            empty = Area(found.value.protection, grows_down=found.value.grows_down)
            self._install(old, old_size, empty)
        return start

    def set_brk(self, wanted: int) -> int:
        """brk(2): the program break after the call, unchanged if it cannot be moved."""
        areas = self._areas
        if wanted < self.brk_start:
            return self.brk_end
        old, new = page_up(self.brk_end), page_up(wanted)
        if new > old:
            if new + PAGE > self.space.limit or areas.overlapping(old, new + PAGE):
                return self.brk_end
            self._install(old, new - old, _HEAP)
        elif new < old:
            self.munmap(new, old - new)
        self.brk_end = wanted
        if self._file_of is not None:
            self.serve_calls(self._file_of)
        return wanted

    def check_range(self, start: int, length: int) -> int:
        """A page-aligned range that must be mapped: its length in whole pages. EINVAL, ENOMEM."""
        if start & (PAGE - 1):
            raise SyscallError(Errno.EINVAL)
        length = page_up(length)
        if start + length > self.space.limit or not self._areas.covered(start, start + length):
            raise SyscallError(Errno.ENOMEM)
        return length

    def discard(self, start: int, length: int) -> None:
        """MADV_DONTNEED."""
        for found in self._areas.overlapping(start, start + length):
            at, end = max(start, found.start), min(start + length, found.end)
            self.space.discard(at, end - at)

    def set_wipe_on_fork(self, start: int, length: int, *, wipe: bool) -> None:
        """MADV_WIPEONFORK and MADV_KEEPONFORK; EINVAL unless private anonymous."""
        self._wipes = self._wipes or wipe
        for found in self._areas.overlapping(start, start + length):
            if found.value.backing is not None or found.value.shared:
                raise SyscallError(Errno.EINVAL)
            at, end = max(start, found.start), min(start + length, found.end)
            self._areas.set(at, end, replace(found.value, wipe_on_fork=wipe))

    def sync(self, start: int, length: int) -> None:
        """Write shared file pages of a mapped range back."""
        for found in self._areas.overlapping(start, start + length):
            if found.value.shared and found.value.backing is not None:
                at, end = max(start, found.start), min(start + length, found.end)
                self.space.sync(at, end - at)

    # Futex keys

    def futex_key(self, address: int, *, private: bool) -> tuple[object, ...]:
        """What identifies the word: the same key in every task that can reach it. EFAULT."""
        self.read(address, 4)
        if private:
            return ("private", id(self), address)
        found = self._areas.at(address)
        assert found is not None
        area = found.value
        if not area.shared:
            return ("private", id(self), address)
        if area.backing is None:
            return ("anonymous", *area.identity, address)
        status = os.fstat(area.backing.file.host_fd())
        return ("file", status.st_dev, status.st_ino, address + area.delta)


def _reserves(protection: int, flags: int) -> bool:
    """Whether a mapping only keeps space free, as glibc's ld.so does before it maps a library."""
    return not protection and flags == mman.MAP_PRIVATE | mman.MAP_ANONYMOUS


def _shifted(area: Area, shift: int) -> Area:
    return replace(area, delta=area.delta - shift)
