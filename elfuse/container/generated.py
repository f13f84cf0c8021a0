"""/etc/hostname, /etc/hosts and /etc/resolv.conf of a container: made for it and mounted, as docker does.

They are the container's own files beside its changes, so writing to them reaches neither the host
nor `elfuse diff`. As mount points they cannot be removed or renamed (EBUSY).
"""

import os
from pathlib import Path

from elfuse.container.volumes import make_mount_point
from elfuse.overlay.overlay import Overlay
from elfuse.runtime.abi.errno import SyscallError
from elfuse.runtime.fs.host import HostFilesystem
from elfuse.runtime.vfs.mounts import Namespace
from elfuse.typing import Collection

_RESOLVER = Path("/etc/resolv.conf")
"""The network is the host's, so its name servers are the right ones, also on a loopback address."""
_HOSTS = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
127.0.0.1\t{names}
"""


def mount_generated(
    namespace: Namespace,
    overlay: Overlay,
    directory: Path,
    hostname: str,
    *,
    volumes: Collection[str],
) -> None:
    """Write the files into the container's `directory` and mount them, but where a volume is.

    A missing /etc is created; where it cannot be, the image does without.
    """
    short = hostname.partition(".")[0]
    names = hostname if short == hostname else f"{hostname} {short}"
    files = {
        "hostname": f"{hostname}\n".encode(),
        "hosts": _HOSTS.format(names=names).encode(),
        "resolv.conf": _resolver(),
    }
    if not overlay.read_only:
        make_mount_point(overlay, b"/etc", directory=True)
    for name, content in files.items():
        point = f"/etc/{name}"
        if point in volumes:
            continue
        path = directory / name
        path.write_bytes(content)
        path.chmod(0o644)
        fs = HostFilesystem(str(path), read_only=overlay.read_only, fakeroot=os.geteuid() != 0)
        try:
            # Images often have a symbolic link to what systemd would provide.
            namespace.mount(os.fsencode(point), fs, read_only=overlay.read_only, follow=False)
        except SyscallError:
            return


def _resolver() -> bytes:
    try:
        return _RESOLVER.read_bytes()
    except OSError:
        return b""
