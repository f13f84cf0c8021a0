"""What can go wrong between a reference and an unpacked image, told apart where a caller cares.

ImageError
+-- InvalidReference       the text names no image
+-- RegistryError          the registry refused, failed or cannot be reached; carries status and code
+-- DigestMismatch         content is not what its digest or size promises
+-- PlatformUnavailable    the image exists, but not for the wanted platform
+-- LayerRefused           a layer archive is malformed, hostile or over a limit
+-- ImageNotStored         the store has no such image
+-- StoreBusy              another process is adding to the store
+-- Cancelled              another part of the same pull has failed
"""

from elfuse.errors import ImageError


class InvalidReference(ImageError):
    """The text names no image."""


class RegistryError(ImageError):
    """A registry refused, failed or cannot be reached.

    `status` is the HTTP status (0 when no answer came), `code` the error code of the distribution
    specification if the registry sent one, `retry_after` what it asked for in seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class DigestMismatch(ImageError):
    """Content is not what `digest`, or its size, promises."""

    def __init__(self, digest: str, why: str) -> None:
        super().__init__(f"{digest}: {why}")
        self.digest = digest


class PlatformUnavailable(ImageError):
    """The image exists, but not for the wanted platform."""


class LayerRefused(ImageError):
    """A layer archive is malformed, hostile or over a limit."""


class ImageNotStored(ImageError):
    """The store has no such image."""


class StoreBusy(ImageError):
    """Another process is adding to the store."""


class Cancelled(ImageError):
    """Another part of the same pull has failed; that is the error to report."""
