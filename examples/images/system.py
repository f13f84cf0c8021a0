"""What packages' maintainer scripts do, done as data: no guest program runs while building."""

import importlib.util
import marshal
import re
import sys

from recipe import EPOCH
from tree import MERGED, Entry, Kind, Tree, resolve

ALTERNATIVES = {
    "usr/bin/awk": "usr/bin/mawk",
    "usr/bin/nawk": "usr/bin/mawk",
    "usr/bin/which": "usr/bin/which.debianutils",
    "usr/bin/cc": "usr/bin/gcc",
    "usr/bin/c89": "usr/bin/c89-gcc",
    "usr/bin/c99": "usr/bin/c99-gcc",
    "usr/bin/w": "usr/bin/w.procps",
    "usr/sbin/rmt": "usr/sbin/rmt-tar",
    "usr/bin/lzma": "usr/bin/xz",
    "usr/bin/unlzma": "usr/bin/unxz",
}
"""The links that update-alternatives would make, where the program is there."""

_PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
_GROUP = "root:x:0:\nnogroup:x:65534:\n"


def text(content: str, mode: int = 0o644) -> Entry:
    return Entry(Kind.FILE, mode, EPOCH, content=content.encode())


def link(target: str) -> Entry:
    return Entry(Kind.SYMLINK, 0o777, EPOCH, target=target)


def directory(mode: int = 0o755) -> Entry:
    return Entry(Kind.DIRECTORY, mode, EPOCH)


def skeleton(tree: Tree) -> Tree:
    """The merged /usr and the directories and files that every system has."""
    made: Tree = {}
    for top in MERGED:
        made[f"usr/{top}"] = directory()
        made[top] = link(f"usr/{top}")
    for path in ("dev", "etc", "home", "proc", "run", "sys", "usr", "var", "var/lib", "var/log"):
        made[path] = directory()
    made |= {"root": directory(0o700), "tmp": directory(0o1777), "var/tmp": directory(0o1777)}
    made |= {"run/lock": directory(0o1777), "var/run": link("/run"), "var/lock": link("/run/lock")}
    made |= {
        "etc/hostname": text("elfuse\n"),
        "etc/hosts": text("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
        "etc/resolv.conf": text(""),
        "etc/nsswitch.conf": text("passwd: files\ngroup: files\nhosts: files dns\n"),
    }
    return {path: entry for path, entry in made.items() if path not in tree}


def accounts(tree: Tree) -> Tree:
    """/etc/passwd, /etc/group, their shadows, and root's shell start-up files."""
    made = {}
    passwd = _file(tree, "usr/share/base-passwd/passwd.master") or _PASSWD
    # The master says /usr/sbin/nologin, /bin/sh and /bin/bash as the installed system does.
    made["etc/passwd"] = text(passwd.replace(":*:", ":x:"))
    group = _file(tree, "usr/share/base-passwd/group.master") or _GROUP
    made["etc/group"] = text(group.replace(":*:", ":x:"))
    users = [line.split(":")[0] for line in passwd.splitlines()]
    made["etc/shadow"] = text("".join(f"{user}:*:19518:0:99999:7:::\n" for user in users), 0o640)
    for source, place in (("dot.bashrc", ".bashrc"), ("dot.profile", ".profile")):
        if found := _file(tree, f"usr/share/base-files/{source}"):
            made[f"root/{place}"] = text(found)
    if profile := _file(tree, "usr/share/base-files/profile"):
        made["etc/profile"] = text(profile)
    return made


def alternatives(tree: Tree) -> Tree:
    """Links through /etc/alternatives, for names that no package owns."""
    made: Tree = {}
    for name, program in ALTERNATIVES.items():
        if program in tree and name not in tree:
            chosen = f"etc/alternatives/{name.rpartition('/')[2]}"
            made |= {chosen: link(f"/{program}"), name: link(f"/{chosen}")}
    if "usr/bin/dash" in tree and "usr/bin/sh" not in tree:
        made["usr/bin/sh"] = link("dash")
    return made


def busybox_applets(tree: Tree) -> Tree:
    """A link per applet. The program holds their names in one sorted, NUL-separated run."""
    program = tree["usr/bin/busybox"].read()
    names = re.search(rb"\[\0\[\[\0(?:[a-z0-9_.-]+\0)+", program)
    if names is None:
        raise ValueError("busybox: no list of applets in the program")
    applets = names[0].decode().split("\0")
    return {f"usr/bin/{name}": link("busybox") for name in applets if name not in ("", "busybox")}


def python_bytecode(tree: Tree) -> Tree:
    """What py3compile would write, if the Python that runs this has the same bytecode."""
    if sys.version_info[:2] != (3, 11):
        return {}
    made: Tree = {}
    for path in tree:
        folder, _, name = path.rpartition("/")
        file = resolve(tree, path) if re.fullmatch(r"usr/lib/python3.*\.py", path) else None
        if file is None or tree[file].kind is not Kind.FILE:
            continue
        entry = tree[file]
        source = entry.read()
        try:
            code = compile(source, f"/{path}", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        header = (0, entry.mtime, len(source))
        # Version 2 of the format has no back references, which differ from run to run.
        content = importlib.util.MAGIC_NUMBER
        content += b"".join(word.to_bytes(4, "little") for word in header) + marshal.dumps(code, 2)
        made[f"{folder}/__pycache__/{name[:-3]}.cpython-311.pyc"] = Entry(
            Kind.FILE, 0o644, entry.mtime, content=content
        )
    for path in {path.rpartition("/")[0] for path in made}:
        made[path] = directory()
    return made


def _file(tree: Tree, path: str) -> str:
    return tree[path].read().decode() if path in tree else ""
