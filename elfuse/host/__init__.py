"""The host operating system: linux.py and darwin.py hold the same names, chosen here.

Functions are named for the need, not for the host's call. Not responsible for what a guest
sees: everything here is in the host's own numbers and terms unless it says so.
"""

import sys

if sys.platform == "darwin":
    from elfuse.host.darwin import anonymous_file as anonymous_file
elif sys.platform == "linux":
    from elfuse.host.linux import anonymous_file as anonymous_file
else:
    raise ImportError(f"elfuse runs on macOS and Linux, not {sys.platform}")
