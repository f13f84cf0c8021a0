"""Signals: generation, pending sets, delivery frames, default actions.

Numbers here are the guest's (Linux). Not responsible for host signals (`kernel.Kernel` turns
them into guest ones) or for what stopping and dying do to a process (`process.Process`).
"""

from elfuse.runtime.signals.delivery import (
    blocked_or_ignored,
    deliver,
    due,
    force,
    post_to_process,
    post_to_task,
    take,
)
from elfuse.runtime.signals.info import SI_KERNEL, SI_QUEUE, SI_TIMER, SI_TKILL, SI_USER, SigInfo
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
    "due",
    "force",
    "post_to_process",
    "post_to_task",
    "take",
]
