"""`elfuse run`: an image's configuration and the command line become a process."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from elfuse.container import library
from elfuse.container.containers import Container, Containers
from elfuse.container.generated import mount_generated
from elfuse.container.identity import find_identity, image_environment
from elfuse.container.places import store_root
from elfuse.container.search import read_guest_file, search_program
from elfuse.container.starting import StartFailure, make_kernel, start
from elfuse.container.volumes import Volume, mount_volumes, parse_volume
from elfuse.errors import CommandNotFound, UsageError
from elfuse.host.temporary import temporary_directory
from elfuse.images.errors import ImageNotStored
from elfuse.images.manifest import Image, ImageConfig
from elfuse.overlay.layers import Layers
from elfuse.overlay.overlay import Overlay
from elfuse.overlay.temporary import remove_tree
from elfuse.record import Record
from elfuse.runtime.boot import Program
from elfuse.runtime.vfs.credentials import Credentials
from elfuse.typing import TYPE_CHECKING, Callable, NoReturn, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.gdb.supervisor import Debugging


class RunOptions(Record):
    """The command line of `elfuse run`. `entrypoint` is None if it was not given."""

    image: str
    command: list[str]
    interactive: bool
    tty: bool
    remove: bool
    environment: list[str]
    environment_files: list[str]
    volumes: list[str]
    workdir: str
    user: str
    entrypoint: str | None
    name: str
    hostname: str
    read_only: bool
    platform: str
    pull: str
    quiet: bool
    engine: str
    confine: bool
    store: str
    verbose: bool
    debugging: Debugging | None


def command_line(config: ImageConfig, entrypoint: str | None, command: Sequence[str]) -> list[str]:
    """What to execute: image Entrypoint + (command or image Cmd); --entrypoint drops both."""
    if entrypoint is not None:
        return [*([entrypoint] if entrypoint else []), *command]
    return [*config.entrypoint, *(command or config.cmd)]


def find_image(options: RunOptions) -> Image:
    """The image, pulled as --pull says; ImageError."""
    progress = "none" if options.quiet else "auto"
    if options.pull in ("missing", "never"):
        try:
            return library.stored_image(options.image, options.store)
        except ImageNotStored:
            if options.pull == "never":
                raise
            sys.stderr.write(f"Unable to find image '{options.image}' locally\n")
    gc.enable()  # which a start does without
    return library.pull(
        options.image, options.store, options.platform, progress, policy=options.pull
    )


def run_image(options: RunOptions) -> NoReturn:
    """Run an image; the host process ends with the program's exit status."""
    if options.tty and options.interactive and not os.isatty(0):
        raise UsageError("the input device is not a TTY")
    volumes = [parse_volume(text) for text in options.volumes]
    root = store_root(options.store)
    image = find_image(options)
    argv = command_line(image.config, options.entrypoint, options.command)
    if not argv:
        raise UsageError(
            f"{options.image}: no command specified and the image has none",
            hint=f"elfuse run {options.image} COMMAND",
        )
    tree = Path(library.image_tree(image, options.store))
    containers = Containers(root)
    containers.sweep()
    container = containers.create(
        name=options.name,
        image=image.reference,
        tree=tree.name,
        command=argv,
        hostname=options.hostname,
    )
    running = containers.lock_running(container)
    # Guest descriptors start at 0 in their own table; this one must only stay open.
    os.set_inheritable(running, False)
    try:
        _start(options, image, argv, root, containers, container, volumes)
    except BaseException:
        os.close(running)
        if options.remove:
            containers.delete(container)
        raise


def _start(
    options: RunOptions,
    image: Image,
    argv: list[str],
    root: Path,
    containers: Containers,
    container: Container,
    volumes: list[Volume],
) -> NoReturn:
    overlay = Overlay(
        root / "trees" / container.tree,
        Layers(root).objects.root,
        containers.upper(container),
        read_only=options.read_only,
    )
    identity = find_identity(
        options.user or image.config.user, lambda path: read_guest_file(overlay, path)
    )
    environment = image_environment(
        image.config.env,
        options.environment,
        options.environment_files,
        home=identity.home,
        hostname=container.hostname,
        terminal=options.tty,
    )
    if not options.interactive:
        _close_standard_input()
    kernel = make_kernel(
        [overlay],
        engine=options.engine,
        confined=options.confine,
        contained=True,
        hostname=container.hostname,
        terminal=options.tty,
        verbose=options.verbose,
    )
    mount_volumes(kernel.namespace, overlay, volumes)
    mount_generated(
        kernel.namespace,
        overlay,
        containers.directory(container),
        container.hostname,
        volumes=[volume.target for volume in volumes],
    )
    workdir = options.workdir or image.config.working_dir or "/"
    _make_workdir(overlay, workdir, identity.uid, identity.gid)
    if options.remove:
        kernel.at_exit.append(lambda: containers.delete(container))
    credentials = Credentials.of(identity.uid, identity.gid, identity.groups)
    path = search_program(kernel.namespace, argv[0], environment, workdir)
    if path is None:
        kernel.run_at_exit()
        raise CommandNotFound(
            f'exec: "{argv[0]}": executable file not found in $PATH',
            hint="the PATH is the image's; name the program by its full path",
        )
    program = Program(
        path=path,
        argv=[os.fsencode(word) for word in argv],
        environ=environment,
        credentials=credentials,
        cwd=os.fsencode(workdir),
    )
    start(kernel, program, StartFailure(argv[0], workdir), options.debugging)


def _close_standard_input() -> None:
    """Without -i the program reads an end of file, as with docker."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _make_workdir(overlay: Overlay, workdir: str, uid: int, gid: int) -> None:
    """A missing working directory is created, as docker does."""
    inode = overlay.root()
    for part in os.fsencode(workdir).split(b"/"):
        if not part:
            continue
        try:
            inode = inode.lookup(part)
        except FileNotFoundError:
            inode = inode.mkdir(part, 0o755, uid, gid)
        except NotADirectoryError:
            return
        if inode.type_bits != 0o040000:
            # A symbolic link: the path walk will find what it names.
            return


def throwaway_overlay(reference: str, store: str) -> tuple[Overlay, Callable[[], None]]:
    """A stored image's tree with an upper of its own, and what removes that upper."""
    image = library.stored_image(reference, store)
    root = store_root(store)
    upper = temporary_directory("elfuse-")
    overlay = Overlay(library.image_tree(image, store), Layers(root).objects.root, Path(upper))
    return overlay, lambda: remove_tree(upper)
