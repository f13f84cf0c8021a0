"""Signals: generation, pending sets, delivery frames, default actions.

Numbers here are the guest's (Linux). Not responsible for host signals (`kernel.Kernel` turns
them into guest ones) or for what stopping and dying do to a process (`process.Process`).
"""

from elfuse.runtime.abi.signal import SI_KERNEL, SI_QUEUE, SI_TIMER, SI_TKILL, SI_USER
from elfuse.runtime.signals.delivery import deliver, due, leave_handler, take
from elfuse.runtime.signals.generation import (
    blocked_or_ignored,
    discard_ignored,
    force,
    post_to_process,
    post_to_task,
)
from elfuse.runtime.signals.info import SigInfo
from elfuse.runtime.signals.state import (
    Action,
    AltStack,
    PendingSet,
    ProcessSignals,
    SignalHandlers,
    TaskSignals,
)

__all__ = [
    "SI_KERNEL",
    "SI_QUEUE",
    "SI_TIMER",
    "SI_TKILL",
    "SI_USER",
    "Action",
    "AltStack",
    "PendingSet",
    "ProcessSignals",
    "SigInfo",
    "SignalHandlers",
    "TaskSignals",
    "blocked_or_ignored",
    "deliver",
    "discard_ignored",
    "due",
    "force",
    "leave_handler",
    "post_to_process",
    "post_to_task",
    "take",
]
