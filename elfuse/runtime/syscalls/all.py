"""Imports every handler module, which registers the calls in `table.TABLE`."""

from elfuse.runtime.syscalls import attributes as attributes
from elfuse.runtime.syscalls import copying as copying
from elfuse.runtime.syscalls import descriptors as descriptors
from elfuse.runtime.syscalls import events as events
from elfuse.runtime.syscalls import files as files
from elfuse.runtime.syscalls import futex as futex
from elfuse.runtime.syscalls import ids as ids
from elfuse.runtime.syscalls import memory as memory
from elfuse.runtime.syscalls import paths as paths
from elfuse.runtime.syscalls import poll as poll
from elfuse.runtime.syscalls import process as process
from elfuse.runtime.syscalls import sched as sched
from elfuse.runtime.syscalls import signals as signals
from elfuse.runtime.syscalls import sockets as sockets
from elfuse.runtime.syscalls import system as system
from elfuse.runtime.syscalls import time as time
from elfuse.runtime.syscalls import xattr as xattr
