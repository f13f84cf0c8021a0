"""The errors a user sees, as a tree. Imports nothing.

ElfuseError
+-- UsageError            the command line or an argument is wrong
+-- ImageError            anything about references, registries, manifests, layers or the store
+-- ContainerError        a container's name, state or mounts
+-- CommandError          the guest command
|   +-- CommandNotFound       exit status 127
|   +-- CommandNotExecutable  exit status 126
+-- EngineUnavailable     the requested vCPU back end cannot run on this host
"""


class ElfuseError(Exception):
    """What failed and why, in one line; `hint` says what to do next.

    `exit_status` is what the command line exits with (docker's 125 unless a subclass says otherwise).
    """

    exit_status = 125

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(ElfuseError):
    """The command line or an argument is wrong."""


class ImageError(ElfuseError):
    """A reference, registry, manifest, layer or the store is at fault."""


class ContainerError(ElfuseError):
    """A container's name, state or mounts are at fault."""


class CommandError(ElfuseError):
    """The guest command cannot be started."""


class CommandNotFound(CommandError):
    """No such command in the guest."""

    exit_status = 127


class CommandNotExecutable(CommandError):
    """The command exists and cannot be invoked."""

    exit_status = 126


class EngineUnavailable(ElfuseError):
    """The requested vCPU back end cannot run on this host."""
