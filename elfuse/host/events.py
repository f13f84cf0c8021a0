"""Counters and timers with a descriptor, and edge-triggered notification, on any host.

Chosen as in `elfuse.host`; apart from it because a run that uses none need not load them.
"""

import sys

if sys.platform == "darwin":
    from elfuse.host.darwin_events import Notifier as Notifier
    from elfuse.host.portable_events import Counter as Counter
    from elfuse.host.portable_events import Timer as Timer
elif sys.platform == "linux":
    from elfuse.host.linux_events import Counter as Counter
    from elfuse.host.linux_events import Notifier as Notifier
    from elfuse.host.linux_events import Timer as Timer
else:
    raise ImportError(f"elfuse runs on macOS and Linux, not {sys.platform}")
