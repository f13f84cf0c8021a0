"""`elfuse run`: what users of docker run expect, on real images."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ELFUSE, ROOT, Build, environment, execute

pytestmark = [pytest.mark.image, pytest.mark.guest]

Stored = Callable[[str], Path]
Elfuse = Callable[..., "subprocess.CompletedProcess[str]"]
MINI = "localhost/debian-mini"


@pytest.fixture
def mini(stored_image: Stored) -> Elfuse:
    """mini("-e", "A=1", command...) runs in debian-mini; options of elfuse before the image."""
    home = stored_image("debian-mini")

    def run(*command: str, options: tuple[str, ...] = (), **rest: object) -> object:
        words = [*ELFUSE, "run", "--rm", *options, MINI, *command]
        return execute(words, env=environment(home), timeout=60, **rest)  # type: ignore[arg-type]

    return run  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("true",), 0),
        (("sh", "-c", "exit 7"), 7),
        (("no-such-program",), 127),
        (("/etc/passwd",), 126),
        (("sh", "-c", "sh -c 'kill -TERM $$'"), 143),
    ],
)
def test_exit_statuses(mini: Elfuse, command: tuple[str, ...], status: int) -> None:
    assert mini(*command).returncode == status


def test_a_bad_option_and_an_unknown_image_are_125(elfuse: Elfuse) -> None:
    assert elfuse("run", "--no-such-option", MINI).returncode == 125
    missing = elfuse("run", "--pull", "never", "nowhere:latest")
    assert missing.returncode == 125
    assert missing.stderr.startswith("elfuse: no image nowhere")
    assert "Traceback" not in missing.stderr


def test_a_plain_name_is_an_image_from_disk(stored_image: Stored) -> None:
    home = stored_image("debian-mini")
    ran = execute([*ELFUSE, "run", "--rm", "debian-mini", "echo", "found"], env=environment(home))
    assert (ran.stdout, ran.stderr) == ("found\n", "")


def test_python_sees_a_linux_of_its_own(mini: Elfuse) -> None:
    code = "import os,sys; print(sorted(os.listdir('/')), os.getpid(), sys.platform, os.uname().machine)"
    ran = mini("python3", "-c", code)
    assert ran.stdout.rstrip().endswith("1 linux aarch64"), ran.stderr
    assert "'usr'" in ran.stdout


def test_the_environment_is_the_images_and_what_was_asked_for(mini: Elfuse, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# comment\nFROM_FILE=yes\n")
    options = ("-e", "A=1", "-e", "UNSET_ON_HOST", "--env-file", str(file), "--hostname", "box")
    found = mini("env", options=options).stdout.splitlines()
    assert {"A=1", "FROM_FILE=yes", "HOSTNAME=box", "HOME=/root"} <= set(found)
    allowed = ("PATH=", "HOSTNAME=", "HOME=", "A=", "FROM_FILE=", "LANG=")
    assert [line for line in found if not line.startswith(allowed)] == []


def test_names_come_from_the_container_and_servers_from_the_host(mini: Elfuse) -> None:
    options = ("--hostname", "box.example.org")
    code = "import socket; print(socket.gethostbyname('box'), socket.gethostbyname('localhost'))"
    ran = mini("python3", "-c", code, options=options)
    assert ran.stdout == "127.0.0.1 127.0.0.1\n", ran.stderr
    shown = mini("sh", "-c", "cat /etc/hostname; stat -c '%U %a' /etc/hosts; cat /etc/resolv.conf")
    name, mode, *servers = shown.stdout.splitlines()
    assert len(name) == 12
    assert mode == "root 644"
    assert servers == Path("/etc/resolv.conf").read_text().splitlines()


def test_generated_files_belong_to_the_container_alone(
    elfuse: Elfuse, example_image: Stored
) -> None:
    names = ("hostname", "hosts", "resolv.conf")
    host = [Path("/etc", name).read_bytes() for name in names if Path("/etc", name).exists()]
    pulled = elfuse("pull", f"oci:{example_image('debian-mini')}", timeout=120)
    assert pulled.returncode == 0, pulled.stderr
    script = (
        "cd /etc; for f in hostname hosts resolv.conf; do echo 10.0.0.1 other >> $f || exit 1; done;"
        "python3 -c 'import socket; print(socket.gethostbyname(\"other\"))'; rm hosts"
    )
    ran = elfuse("run", "--name", "t1", MINI, "sh", "-c", script, timeout=60)
    assert ran.stdout == "10.0.0.1\n"
    assert "Device or resource busy" in ran.stderr
    assert elfuse("diff", "t1").stdout == ""
    assert host == [
        Path("/etc", name).read_bytes() for name in names if Path("/etc", name).exists()
    ]
    assert elfuse("run", "--rm", MINI, "grep", "other", "/etc/hosts", timeout=60).stdout == ""
    refused = [
        "run",
        "--rm",
        "--read-only",
        MINI,
        "sh",
        "-c",
        "echo x > /etc/hosts || echo refused",
    ]
    assert elfuse(*refused, timeout=60).stdout == "refused\n"


def test_a_volume_takes_the_place_of_a_generated_file(mini: Elfuse, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("10.0.0.2 mine\n")
    shown = mini("cat", "/etc/hosts", options=("-v", f"{tmp_path}/hosts:/etc/hosts"))
    assert shown.stdout == "10.0.0.2 mine\n"
    shown = mini("sh", "-c", "ls /etc; cat /etc/hostname", options=("-v", f"{tmp_path}:/etc"))
    assert shown.stdout.splitlines()[:3] == ["hostname", "hosts", "resolv.conf"]
    assert [path.name for path in tmp_path.iterdir()] == ["hosts"]


def test_user_and_workdir(mini: Elfuse) -> None:
    ran = mini(
        "sh", "-c", "id -u; id -g; pwd; mkdir x", options=("-u", "1000:50", "-w", "/made/here")
    )
    assert ran.stdout.split() == ["1000", "50", "/made/here"]
    assert mini("sh", "-c", ": > /etc/passwd", options=("-u", "daemon")).returncode != 0


def test_volumes_are_written_unless_read_only(mini: Elfuse, tmp_path: Path) -> None:
    options = ("-v", f"{tmp_path}:/data")
    assert mini("sh", "-c", "echo kept > /data/file", options=options).returncode == 0
    assert (tmp_path / "file").read_text() == "kept\n"
    refused = mini("sh", "-c", "echo x > /data/file", options=("-v", f"{tmp_path}:/data:ro"))
    assert refused.returncode != 0
    assert (tmp_path / "file").read_text() == "kept\n"
    os.symlink("/etc", tmp_path / "escape")
    assert "root:x:0:0" in mini("cat", "/data/escape/passwd", options=options).stdout


def test_paths_follow_changes_in_a_container(mini: Elfuse, build: Build) -> None:
    program = build(ROOT / "tests" / "guest" / "paths_follow_changes.c", flags=("-static",))
    ran = mini(
        *("sh", "-c", f"mkdir /work && cd /work && /programs/{program.name}"),
        options=("-v", f"{program.parent}:/programs:ro"),
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_read_only_root(mini: Elfuse) -> None:
    ran = mini("sh", "-c", "echo x > /new || echo refused", options=("--read-only",))
    assert ran.stdout == "refused\n"


def test_entrypoint_drops_the_images_command(mini: Elfuse) -> None:
    assert mini("one", "two", options=("--entrypoint", "echo")).stdout == "one two\n"


def test_standard_input_reaches_the_guest_only_with_i(mini: Elfuse) -> None:
    assert mini("cat", options=("-i",), stdin="through\n").stdout == "through\n"
    assert mini("cat", stdin="not through\n").stdout == ""


def test_changes_stay_in_the_container_and_are_listed(
    elfuse: Elfuse, example_image: Stored
) -> None:
    pulled = elfuse("pull", f"oci:{example_image('debian-mini')}", timeout=120)
    assert pulled.returncode == 0, pulled.stderr
    script = "rm /etc/issue; echo x > /new; mv /usr/share/doc /usr/share/doc2"
    assert elfuse("run", "--name", "t1", MINI, "sh", "-c", script, timeout=60).returncode == 0
    listed = elfuse("diff", "t1").stdout.splitlines()
    assert {"C /etc", "D /etc/issue", "A /new", "D /usr/share/doc"} <= set(listed)
    assert "A /usr/share/doc2" in listed
    assert elfuse("run", "--rm", MINI, "cat", "/etc/issue", timeout=60).returncode == 0
    taken = elfuse("run", "--name", "t1", MINI, "true", timeout=60)
    assert taken.returncode == 125
    assert "already in use" in taken.stderr
    assert elfuse("verify").stdout == "the store is sound\n"
    rows = json.loads(elfuse("ps", "-a", "--format", "json").stdout)
    assert [(row["names"], row["status"]) for row in rows] == [("t1", "Exited")]
    assert elfuse("rm", "t1").returncode == 0
    assert elfuse("diff", "t1").returncode == 125


def test_a_second_pull_fetches_nothing(
    elfuse: Elfuse, example_image: Stored, push_layout: Callable[[Path, str], str]
) -> None:
    reference = push_layout(example_image("busybox"), "busybox")
    first = elfuse("pull", reference, timeout=120)
    assert first.returncode == 0, first.stderr
    again = elfuse("pull", reference)
    assert again.returncode == 0
    assert "unpacked" not in again.stderr
    assert first.stdout == again.stdout
    ran = elfuse("run", "--rm", reference, "echo", "from the registry", timeout=60)
    assert ran.stdout == "from the registry\n", ran.stderr


def test_signals_are_forwarded(stored_image: Stored) -> None:
    script = "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.1; done"
    words = [*ELFUSE, "run", "--rm", MINI, "bash", "-c", script]
    variables = environment(stored_image("debian-mini"))
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=variables, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGTERM)
        assert running.stdout.read() == "got it\n"
        assert running.wait(30) == 9


@pytest.mark.parametrize(
    "code",
    [
        "import threading; r=[]; t=[threading.Thread(target=r.append,args=(i,)) for i in range(4)]; "
        "[x.start() for x in t]; [x.join() for x in t]; assert sorted(r)==[0,1,2,3]",
        "import subprocess as s; assert s.run(['echo','hi'],capture_output=True).stdout==b'hi\\n'; "
        "assert s.run('exit 3',shell=True).returncode==3",
        "import multiprocessing as m; p=m.Pool(2); assert p.map(abs,[-1,2,-3])==[1,2,3]; p.close(); p.join()",
        "import asyncio; asyncio.run(asyncio.wait_for(asyncio.sleep(0.01),5))",
        "import socket,threading; s=socket.create_server(('127.0.0.1',0)); "
        "t=threading.Thread(target=lambda:s.accept()[0].sendall(b'yes')); t.start(); "
        "assert socket.create_connection(s.getsockname()).recv(3)==b'yes'; t.join()",
    ],
    ids=["threading", "subprocess", "multiprocessing", "asyncio", "socket"],
)
def test_python_libraries(mini: Elfuse, code: str) -> None:
    ran = mini("python3", "-c", code)
    assert ran.returncode == 0, ran.stderr


_TOOLBOX = r"""
set -e
cd /root
printf '#include <stdio.h>\nint main(void){puts("compiled");return 0;}\n' > hello.c
gcc hello.c && ./a.out
mkdir p && cd p
for i in a b c; do echo "int $i(void){return 1;}" > $i.c; done
echo 'int a(void),b(void),c(void);int main(void){return a()+b()+c()-3;}' > m.c
printf 'prog: a.o b.o c.o m.o\n\tgcc -o prog $^\n%.o: %.c\n\tgcc -c $<\n' > Makefile
make -s -j2 && ./prog && echo made
git init -q . && git add a.c && git -c user.name=a -c user.email=b@c commit -qm first
git log --format=%s
sqlite3 t.db 'create table t(a); begin; with recursive c(x) as (select 1 union all select x+1
  from c where x<10000) insert into t select x from c; commit; select count(*), sum(a) from t;'
for z in gzip xz zstd; do
  tar --use-compress-program=$z -cf ../t.$z . && mkdir ../o &&
    tar --use-compress-program=$z -xf ../t.$z -C ../o && diff -r . ../o && echo $z && rm -r ../o
done
"""


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_toolbox_compiles_versions_stores_and_archives(stored_image: Stored) -> None:
    words = [*ELFUSE, "run", "--rm", "localhost/toolbox", "bash", "-c", _TOOLBOX]
    ran = execute(words, env=environment(stored_image("toolbox")), timeout=200)
    lines = ["compiled", "made", "first", "10000|50005000", "gzip", "xz", "zstd"]
    assert ran.stdout.split() == lines, ran.stderr


def test_starting_imports_neither_typer_nor_httpx(stored_image: Stored) -> None:
    code = (
        "import sys, os\n"
        "import elfuse.container.run, elfuse.cli.launch\n"
        "heavy = {'typer', 'click', 'rich', 'httpx', 'elftools'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)\n"
    )
    ran = execute([sys.executable, "-c", code], env=environment(stored_image("busybox")))
    assert ran.returncode == 0, ran.stderr
