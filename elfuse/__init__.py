"""Run Linux arm64 programs and OCI images as ordinary host processes."""

__version__ = "0.1.0"
