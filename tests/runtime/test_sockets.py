"""Sockets through their system calls: names, connections, options, control messages."""

import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from elfuse.runtime.abi import socket as abi
from elfuse.runtime.abi import socket_structs as structs
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.socket import Msg, So
from elfuse.runtime.abi.socket_structs import Cmsghdr, Msghdr, Ucred
from elfuse.runtime.files import addresses, unix_names
from elfuse.runtime.processes import Field
from tests.runtime.machine import Machine, machine

_NONBLOCK = abi.SOCK_NONBLOCK


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path) as made:
        yield made


def _sun(name: bytes) -> bytes:
    return abi.AF_UNIX.to_bytes(2, "little") + name


def _bind_unix(guest: Machine, fd: int, name: bytes) -> Errno | None:
    return guest.error("bind", fd, guest.put(_sun(name)), 2 + len(name))


def _connect_unix(guest: Machine, fd: int, name: bytes) -> Errno | None:
    return guest.error("connect", fd, guest.put(_sun(name)), 2 + len(name))


def _name(guest: Machine, fd: int, call: str = "getsockname") -> bytes:
    at, length = guest.room(128), guest.put((128).to_bytes(4, "little"))
    guest.ok(call, fd, at, length)
    return guest.get(at, int.from_bytes(guest.get(length, 4), "little"))


def _unix_pair(guest: Machine, kind: int = abi.SOCK_STREAM) -> tuple[int, int]:
    return guest.pair("socketpair", abi.AF_UNIX, kind, 0)


def _loopback(port: int = 0) -> bytes:
    return structs.SockaddrIn(port=port.to_bytes(2, "big"), address=bytes([127, 0, 0, 1])).pack()


def _option(guest: Machine, fd: int, name: int, size: int = 4) -> bytes:
    at, length = guest.room(size), guest.put(size.to_bytes(4, "little"))
    guest.ok("getsockopt", fd, abi.SOL_SOCKET, name, at, length)
    return guest.get(at, int.from_bytes(guest.get(length, 4), "little"))


def _cmsg(kind: int, data: bytes) -> bytes:
    header = Cmsghdr(length=16 + len(data), level=abi.SOL_SOCKET, type=kind)
    return (header.pack() + data).ljust((16 + len(data) + 7) & -8, b"\0")


def _send(guest: Machine, fd: int, data: bytes, control: bytes = b"") -> int:
    iov = guest.put(guest.put(data).to_bytes(8, "little") + len(data).to_bytes(8, "little"))
    at = guest.put(control) if control else 0
    header = Msghdr(
        name=0,
        name_length=0,
        iov=iov,
        iov_count=1,
        control=at,
        control_length=len(control),
        flags=0,
    )
    return guest.call("sendmsg", fd, guest.put(header.pack()), Msg.NOSIGNAL)


def _receive(
    guest: Machine, fd: int, space: int, flags: int = 0
) -> tuple[bytes, list[tuple[int, bytes]], int]:
    """(data, [(type, data)], flags)."""
    buffer, control = guest.room(100), guest.room(max(space, 1))
    iov = guest.put(buffer.to_bytes(8, "little") + (100).to_bytes(8, "little"))
    header = Msghdr(
        name=0, name_length=0, iov=iov, iov_count=1, control=control, control_length=space, flags=0
    )
    at = guest.put(header.pack())
    size = guest.ok("recvmsg", fd, at, flags)
    back = Msghdr.unpack(guest.get(at, Msghdr.size))
    raw, found = guest.get(control, back.control_length), []
    while len(raw) >= Cmsghdr.size:
        one = Cmsghdr.unpack(raw[: Cmsghdr.size])
        found.append((one.type, raw[Cmsghdr.size : one.length]))
        raw = raw[(one.length + 7) & -8 :]
    return guest.get(buffer, size), found, back.flags


def _fds(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


def _rights(*fds: int) -> bytes:
    return _cmsg(abi.SCM_RIGHTS, b"".join(fd.to_bytes(4, "little") for fd in fds))


# Names


def test_bound_path_is_a_socket_of_the_guest_tree(guest: Machine, tmp_path: Path) -> None:
    fd = guest.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
    assert _bind_unix(guest, fd, b"/sock") is None
    status = os.stat(tmp_path / "sock")
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o755
    assert os.listdir(tmp_path) == ["sock"]
    assert _name(guest, fd) == _sun(b"/sock\0")


def test_binding_a_taken_path_fails(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fd = guest.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
    assert _bind_unix(guest, fd, b"/file") is Errno.EADDRINUSE
    assert _connect_unix(guest, fd, b"/file") is Errno.ECONNREFUSED


def test_binding_twice_leaves_no_second_name(guest: Machine, tmp_path: Path) -> None:
    fd = guest.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
    assert _bind_unix(guest, fd, b"/one") is None
    assert _bind_unix(guest, fd, b"/two") is Errno.EINVAL
    assert os.listdir(tmp_path) == ["one"]


@pytest.mark.parametrize("name", [b"/short", b"/" + b"y" * 107], ids=["short", "longest"])
def test_peer_sees_the_name_the_listener_was_bound_to(guest: Machine, name: bytes) -> None:
    listener = guest.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
    assert _bind_unix(guest, listener, name) is None
    guest.ok("listen", listener, 1)
    client = guest.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
    assert _connect_unix(guest, client, name) is None
    server = guest.ok("accept4", listener, 0, 0, 0)
    assert _name(guest, client, "getpeername") == _sun(name + b"\0")
    assert _name(guest, server) == _sun(name + b"\0")
    assert _name(guest, server, "getpeername") == _sun(b"")


def test_moved_socket_is_reached_by_its_new_path(guest: Machine, tmp_path: Path) -> None:
    listener = guest.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
    assert _bind_unix(guest, listener, b"/old") is None
    guest.ok("listen", listener, 1)
    os.rename(tmp_path / "old", tmp_path / "new")
    client = guest.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
    assert _connect_unix(guest, client, b"/old") is Errno.ENOENT
    assert _connect_unix(guest, client, b"/new") is None


def test_abstract_names_are_private_to_a_run(tmp_path: Path) -> None:
    with machine(tmp_path) as one, machine(tmp_path) as other:
        listener = one.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
        assert _bind_unix(one, listener, b"\0name") is None
        one.ok("listen", listener, 1)
        assert _name(one, listener) == _sun(b"\0name")
        stranger = other.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
        assert _connect_unix(other, stranger, b"\0name") is Errno.ECONNREFUSED
        client = one.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
        assert _connect_unix(one, client, b"\0nam") is Errno.ECONNREFUSED
        assert _connect_unix(one, client, b"\0name") is None


def test_longest_abstract_name_is_told_from_its_neighbour(guest: Machine) -> None:
    name = b"\0" + b"n" * 107
    fd = guest.ok("socket", abi.AF_UNIX, abi.SOCK_DGRAM, 0)
    assert _bind_unix(guest, fd, name) is None
    assert _name(guest, fd) == _sun(name)
    assert _connect_unix(guest, fd, name[:-1] + b"m") is Errno.ECONNREFUSED


def test_autobind_gives_five_digits(guest: Machine) -> None:
    fd = guest.ok("socket", abi.AF_UNIX, abi.SOCK_DGRAM, 0)
    assert _bind_unix(guest, fd, b"") is None
    name = _name(guest, fd)
    assert len(name) == 8
    assert int(name[3:], 16) >= 0


def test_datagram_names_its_sender(guest: Machine) -> None:
    one, two = (guest.ok("socket", abi.AF_UNIX, abi.SOCK_DGRAM, 0) for _ in range(2))
    assert _bind_unix(guest, one, b"/one") is None
    assert _bind_unix(guest, two, b"/two") is None
    target = guest.put(_sun(b"/two"))
    assert guest.ok("sendto", one, guest.put(b"hello"), 5, 0, target, 6) == 5
    at, length, buffer = guest.room(128), guest.put((128).to_bytes(4, "little")), guest.room(16)
    assert guest.ok("recvfrom", two, buffer, 16, 0, at, length) == 5
    assert guest.get(at, int.from_bytes(guest.get(length, 4), "little")) == _sun(b"/one\0")


def test_host_names_hide_slashes_and_come_back() -> None:
    name = b"/a/b\x01c\x02\x03/\x02"
    encoded = unix_names._host_name(name)
    assert b"/" not in encoded
    assert unix_names.guest_name(None, b"/proc/self/fd/7/" + encoded) == name  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "raw", "reason"),
    [
        (abi.AF_INET, _loopback()[:15], Errno.EINVAL),
        (abi.AF_INET, b"\x01" + _loopback()[1:], Errno.EAFNOSUPPORT),
        (abi.AF_INET6, bytes([10, 0]) + bytes(20), Errno.EINVAL),
        (abi.AF_NETLINK, bytes([16, 0]) + bytes(4), Errno.EINVAL),
    ],
    ids=["short", "wrong family", "short v6", "short netlink"],
)
def test_bad_addresses_are_refused(family: int, raw: bytes, reason: Errno) -> None:
    with pytest.raises(Exception, match=reason.name):
        addresses.parse(family, raw)


def test_v4_address_on_a_v6_socket_is_mapped() -> None:
    assert addresses.parse(abi.AF_INET6, _loopback(80)) == ("::ffff:127.0.0.1", 80, 0, 0)


# Connections and data


@pytest.mark.parametrize(
    ("family", "kind", "protocol", "reason"),
    [
        (77, 1, 0, Errno.EAFNOSUPPORT),
        (abi.AF_INET, 11, 0, Errno.EINVAL),
        (abi.AF_INET, abi.SOCK_STREAM, 99, Errno.EPROTONOSUPPORT),
        (abi.AF_INET, abi.SOCK_RAW, 1, Errno.EPERM),
        (abi.AF_PACKET, abi.SOCK_RAW, 0, Errno.EPERM),
        (abi.AF_UNIX, abi.SOCK_STREAM, 99, Errno.EPROTONOSUPPORT),
        (abi.AF_UNIX, abi.SOCK_STREAM | 0x100, 0, Errno.EINVAL),
    ],
)
def test_sockets_that_there_are_not(
    guest: Machine, family: int, kind: int, protocol: int, reason: Errno
) -> None:
    assert guest.error("socket", family, kind, protocol) is reason


def _listener(guest: Machine) -> tuple[int, bytes]:
    fd = guest.ok("socket", abi.AF_INET, abi.SOCK_STREAM, 0)
    guest.ok("bind", fd, guest.put(_loopback()), 16)
    guest.ok("listen", fd, 4)
    return fd, _name(guest, fd)


def test_tcp_connects_accepts_and_carries_data(guest: Machine) -> None:
    listener, name = _listener(guest)
    client = guest.ok("socket", abi.AF_INET, abi.SOCK_STREAM, 0)
    guest.ok("connect", client, guest.put(name), len(name))
    server = guest.ok("accept", listener, 0, 0)
    assert _name(guest, server, "getpeername") == _name(guest, client)
    guest.write(client, b"over the loopback")
    assert guest.read(server) == b"over the loopback"
    guest.ok("shutdown", client, abi.SHUT_WR)
    assert guest.read(server) == b""
    assert guest.error("connect", client, guest.put(name), len(name)) is Errno.EISCONN


def test_refused_connection_shows_once_in_so_error(guest: Machine) -> None:
    listener, name = _listener(guest)
    guest.ok("close", listener)
    client = guest.ok("socket", abi.AF_INET, abi.SOCK_STREAM | _NONBLOCK, 0)
    result = guest.error("connect", client, guest.put(name), len(name))
    if result is Errno.EINPROGRESS:
        pollfd = guest.put(client.to_bytes(4, "little") + b"\4\0\0\0")
        assert guest.ok("ppoll", pollfd, 1, 0, 0, 8) == 1
        result = Errno(int.from_bytes(_option(guest, client, So.ERROR), "little"))
    assert result is Errno.ECONNREFUSED
    assert _option(guest, client, So.ERROR) == bytes(4)


def test_unspecified_address_dissolves_an_association(guest: Machine) -> None:
    one, two = (guest.ok("socket", abi.AF_INET, abi.SOCK_DGRAM, 0) for _ in range(2))
    guest.ok("bind", one, guest.put(_loopback()), 16)
    guest.ok("connect", two, guest.put(_name(guest, one)), 16)
    guest.write(two, b"x")
    guest.ok("connect", two, guest.put(bytes(16)), 16)
    assert guest.error("write", two, guest.put(b"x"), 1) is Errno.EDESTADDRREQ


def test_blocking_stream_sends_all_of_a_large_buffer(guest: Machine) -> None:
    one, two = _unix_pair(guest)
    size = 1 << 20
    buffer = guest.room(size)
    reader = guest.process.files.get(two).host_fd()
    got = bytearray()

    def drain() -> None:
        os.set_blocking(reader, True)
        while len(got) < size:
            got.extend(os.read(reader, 65536))

    thread = threading.Thread(target=drain)
    thread.start()
    assert guest.ok("sendto", one, buffer, size, 0, 0, 0) == size
    thread.join()
    assert len(got) == size


def test_waitall_collects_several_sends(guest: Machine) -> None:
    one, two = _unix_pair(guest)
    task, buffer = guest.thread(), guest.room(16)
    found: list[int] = []
    receiver = threading.Thread(
        target=lambda: found.append(
            guest.ok("recvfrom", two, buffer, 6, Msg.WAITALL, 0, 0, task=task)
        )
    )
    guest.write(one, b"abc")
    receiver.start()
    guest.write(one, b"def")
    receiver.join()
    assert found == [6]
    assert guest.get(buffer, 6) == b"abcdef"


@pytest.mark.parametrize("call", ["recvfrom", "read"])
def test_receive_timeout_ends_a_wait(guest: Machine, call: str) -> None:
    one, _two = _unix_pair(guest)
    limit = structs.SockTimeval(sec=0, usec=20_000).pack()
    guest.ok("setsockopt", one, abi.SOL_SOCKET, So.RCVTIMEO, guest.put(limit), 16)
    assert guest.error(call, one, guest.room(8), 8) is Errno.EAGAIN
    assert _option(guest, one, So.RCVTIMEO, 16) == limit


def test_writing_to_a_closed_peer_raises_sigpipe_unless_told_not_to(guest: Machine) -> None:
    one, two = _unix_pair(guest)
    guest.ok("close", two)
    pending = guest.task.signals.pending
    assert guest.error("sendto", one, guest.put(b"x"), 1, Msg.NOSIGNAL, 0, 0) is Errno.EPIPE
    assert pending.bits == 0
    assert guest.error("sendto", one, guest.put(b"x"), 1, 0, 0, 0) is Errno.EPIPE
    assert pending.bits == 1 << 12


def test_truncated_datagram_says_so(guest: Machine) -> None:
    one, two = _unix_pair(guest, abi.SOCK_DGRAM)
    guest.write(one, b"datagram")
    buffer = guest.room(4)
    assert guest.ok("recvfrom", two, buffer, 4, Msg.TRUNC, 0, 0) == 8
    assert guest.get(buffer, 4) == b"data"


def test_options_the_kernel_part_answers(guest: Machine) -> None:
    fd, _bound = _listener(guest)
    values = {
        So.TYPE: abi.SOCK_STREAM,
        So.DOMAIN: abi.AF_INET,
        So.PROTOCOL: 6,
        So.ACCEPTCONN: 1,
    }
    for name, value in values.items():
        assert int.from_bytes(_option(guest, fd, name), "little") == value
    assert guest.error("setsockopt", fd, abi.SOL_SOCKET, 999, guest.put(bytes(4)), 4) is (
        Errno.ENOPROTOOPT
    )
    filters = guest.error(
        "setsockopt", fd, abi.SOL_SOCKET, So.ATTACH_FILTER, guest.put(bytes(16)), 16
    )
    assert filters is Errno.ENOPROTOOPT


def test_peer_credentials_are_the_guests(guest: Machine) -> None:
    one, _two = _unix_pair(guest)
    assert Ucred.unpack(_option(guest, one, So.PEERCRED, 12)) == Ucred(
        pid=guest.process.pid, uid=0, gid=0
    )


def test_only_questions_go_to_the_hosts_network(guest: Machine) -> None:
    fd = guest.ok("socket", abi.AF_NETLINK, abi.SOCK_RAW, abi.NETLINK_ROUTE)
    new_link, get_link = 16, 18
    for kind, allowed in ((new_link, False), (get_link, True)):
        request = structs.Nlmsghdr(length=32, type=kind, flags=0x301, sequence=1, pid=0).pack()
        request += bytes(16)
        result = guest.error("sendto", fd, guest.put(request), 32, 0, 0, 0)
        assert result is (None if allowed else Errno.EPERM)


def test_descriptor_that_is_no_socket(guest: Machine) -> None:
    read_end, _write_end = _pipe(guest)
    assert guest.error("listen", read_end, 1) is Errno.ENOTSOCK
    assert guest.error("listen", 99, 1) is Errno.EBADF


# Control messages


def _pipe(guest: Machine) -> tuple[int, int]:
    at = guest.room(8)
    guest.ok("pipe2", at, 0)
    return (
        int.from_bytes(guest.get(at, 4), "little"),
        int.from_bytes(guest.get(at + 4, 4), "little"),
    )


def _pass(guest: Machine, *fds: int) -> list[int]:
    """Send descriptors from a forked host process, which then ends, and receive them here."""
    one, two = _unix_pair(guest)
    child = os.fork()
    if not child:
        os._exit(0 if _send(guest, one, b"d", _rights(*fds)) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for fd in fds:
        guest.ok("close", fd)
    data, control, _flags = _receive(guest, two, 200, Msg.CMSG_CLOEXEC)
    assert data == b"d"
    assert [kind for kind, _data in control] == [abi.SCM_RIGHTS]
    return _fds(control[0][1])


def test_passed_pipe_ends_work_and_reach_end_of_file(guest: Machine) -> None:
    read_end, write_end = _pass(guest, *_pipe(guest))
    guest.write(write_end, b"piped")
    guest.ok("close", write_end)
    assert guest.read(read_end) == b"piped"
    assert guest.read(read_end) == b""


def test_passed_file_keeps_its_offset_and_its_name(guest: Machine) -> None:
    fd = guest.ok("openat", -100, b"/file", 0o102, 0o600)
    guest.write(fd, b"0123456789")
    guest.ok("lseek", fd, 3, 0)
    (received,) = _pass(guest, fd)
    assert guest.read(received, 4) == b"3456"
    assert guest.process.files.get(received).describe() == b"/file"
    assert guest.process.files.cloexec(received)


def test_passed_event_objects_keep_their_state(guest: Machine) -> None:
    counter = guest.ok("eventfd2", 5, 0)
    memory = guest.ok("memfd_create", b"name", 0)
    guest.write(memory, b"content")
    epoll_free = guest.ok("timerfd_create", 1, 0)
    received = _pass(guest, counter, memory, epoll_free)
    assert guest.read(received[0], 8) == (5).to_bytes(8, "little")
    guest.ok("lseek", received[1], 0, 0)
    assert guest.read(received[1]) == b"content"
    assert guest.process.files.get(received[1]).describe() == b"/memfd:name (deleted)"
    assert guest.ok("timerfd_gettime", received[2], guest.room(32)) == 0


def test_passed_sockets_directories_and_devices(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "dir" / "inner").mkdir(parents=True)
    directory = guest.ok("openat", -100, b"/dir", 0o40000, 0)
    one, two = _unix_pair(guest)
    received = _pass(guest, directory, one)
    assert guest.ok("openat", received[0], b"inner", 0o40000, 0) > 0
    guest.write(received[1], b"through")
    assert guest.read(two) == b"through"
    assert guest.process.files.get(received[1]).describe().startswith(b"socket:[")


def test_descriptors_without_room_are_closed_and_reported(guest: Machine) -> None:
    one, two = _unix_pair(guest)
    read_end, write_end = _pipe(guest)
    _send(guest, one, b"x", _rights(write_end, read_end))
    _data, control, flags = _receive(guest, two, 20)
    assert flags & Msg.CTRUNC
    assert [len(data) for _kind, data in control] == [4]
    guest.ok("close", write_end)
    guest.ok("close", _fds(control[0][1])[0])
    assert guest.read(read_end) == b""


def test_receiving_without_control_space_drops_descriptors(guest: Machine) -> None:
    one, two = _unix_pair(guest)
    read_end, write_end = _pipe(guest)
    _send(guest, one, b"x", _rights(write_end))
    assert guest.read(two) == b"x"
    guest.ok("close", write_end)
    assert guest.read(read_end) == b""


def test_bad_control_messages_are_refused(guest: Machine) -> None:
    one, _two = _unix_pair(guest)
    assert _send(guest, one, b"x", _rights(77)) == -Errno.EBADF
    short = Cmsghdr(length=4, level=abi.SOL_SOCKET, type=abi.SCM_RIGHTS).pack()
    assert _send(guest, one, b"x", short) == -Errno.EINVAL
    epoll = guest.ok("epoll_create1", 0)
    assert _send(guest, one, b"x", _rights(epoll)) == -Errno.EINVAL


def test_passed_credentials_are_the_guests(guest: Machine) -> None:
    one, two = _unix_pair(guest)
    on = guest.put((1).to_bytes(4, "little"))
    guest.ok("setsockopt", two, abi.SOL_SOCKET, So.PASSCRED, on, 4)
    _send(guest, one, b"x")
    _data, control, _flags = _receive(guest, two, 100)
    own = Ucred(pid=guest.process.pid, uid=0, gid=0)
    assert control == [(abi.SCM_CREDENTIALS, own.pack())]


def test_program_outside_the_run_gets_and_gives_plain_descriptors(
    guest: Machine, tmp_path: Path
) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "host"))
    listener.listen()
    client = guest.ok("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
    guest.process.entry[Field.HOST_PID] = 0  # the host process is nobody's in the table for now
    assert _connect_unix(guest, client, b"/host") is None
    peer, _address = listener.accept()
    read_end, write_end = _pipe(guest)
    assert _send(guest, client, b"x", _rights(write_end)) == 1
    _data, fds, _flags, _from = socket.recv_fds(peer, 10, 4)
    assert len(fds) == 1
    os.write(fds[0], b"plain")
    assert guest.read(read_end) == b"plain"
    own_read, own_write = os.pipe()
    socket.send_fds(peer, [b"y"], [own_read])
    _data, control, _more = _receive(guest, client, 100)
    os.write(own_write, b"back")
    assert guest.read(_fds(control[0][1])[0]) == b"back"
    for fd in (*fds, own_read, own_write):
        os.close(fd)
    peer.close()
    listener.close()
