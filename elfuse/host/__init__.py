"""The host operating system: posix.py (shared), linux.py, darwin.py; the same names in both."""
