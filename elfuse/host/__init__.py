"""The host operating system: linux.py and darwin.py hold the same names, chosen here.

Functions are named for the need, not for the host's call. Not responsible for what a guest
sees: everything here is in the host's own numbers and terms unless it says so.
"""

import sys

from elfuse.host.signals import forwarded_signals as forwarded_signals
from elfuse.host.signals import guest_signal as guest_signal

if sys.platform == "darwin":
    from elfuse.host.darwin import add_seals as add_seals
    from elfuse.host.darwin import allocate as allocate
    from elfuse.host.darwin import anonymous_file as anonymous_file
    from elfuse.host.darwin import conflicting_lock as conflicting_lock
    from elfuse.host.darwin import descriptor_path as descriptor_path
    from elfuse.host.darwin import duplicate_pipe_data as duplicate_pipe_data
    from elfuse.host.darwin import get_xattr as get_xattr
    from elfuse.host.darwin import link_descriptor as link_descriptor
    from elfuse.host.darwin import list_xattrs as list_xattrs
    from elfuse.host.darwin import lock_description as lock_description
    from elfuse.host.darwin import memory_barrier as memory_barrier
    from elfuse.host.darwin import never_waits as never_waits
    from elfuse.host.darwin import open_for_writing as open_for_writing
    from elfuse.host.darwin import open_reference as open_reference
    from elfuse.host.darwin import path_of as path_of
    from elfuse.host.darwin import pipe_capacity as pipe_capacity
    from elfuse.host.darwin import pipe_without_waiting as pipe_without_waiting
    from elfuse.host.darwin import private_stream as private_stream
    from elfuse.host.darwin import readable_bytes as readable_bytes
    from elfuse.host.darwin import reference_to as reference_to
    from elfuse.host.darwin import remove_xattr as remove_xattr
    from elfuse.host.darwin import rename_with_flags as rename_with_flags
    from elfuse.host.darwin import reopen as reopen
    from elfuse.host.darwin import sealable_file as sealable_file
    from elfuse.host.darwin import seals as seals
    from elfuse.host.darwin import set_mode as set_mode
    from elfuse.host.darwin import set_pipe_capacity as set_pipe_capacity
    from elfuse.host.darwin import set_size as set_size
    from elfuse.host.darwin import set_xattr as set_xattr
    from elfuse.host.darwin import shared_memory as shared_memory
    from elfuse.host.darwin import sync_filesystem as sync_filesystem
    from elfuse.host.darwin import unnamed_file as unnamed_file
elif sys.platform == "linux":
    from elfuse.host.linux import add_seals as add_seals
    from elfuse.host.linux import allocate as allocate
    from elfuse.host.linux import anonymous_file as anonymous_file
    from elfuse.host.linux import conflicting_lock as conflicting_lock
    from elfuse.host.linux import descriptor_path as descriptor_path
    from elfuse.host.linux import duplicate_pipe_data as duplicate_pipe_data
    from elfuse.host.linux import get_xattr as get_xattr
    from elfuse.host.linux import link_descriptor as link_descriptor
    from elfuse.host.linux import list_xattrs as list_xattrs
    from elfuse.host.linux import lock_description as lock_description
    from elfuse.host.linux import memory_barrier as memory_barrier
    from elfuse.host.linux import never_waits as never_waits
    from elfuse.host.linux import open_for_writing as open_for_writing
    from elfuse.host.linux import open_reference as open_reference
    from elfuse.host.linux import path_of as path_of
    from elfuse.host.linux import pipe_capacity as pipe_capacity
    from elfuse.host.linux import pipe_without_waiting as pipe_without_waiting
    from elfuse.host.linux import private_stream as private_stream
    from elfuse.host.linux import readable_bytes as readable_bytes
    from elfuse.host.linux import reference_to as reference_to
    from elfuse.host.linux import remove_xattr as remove_xattr
    from elfuse.host.linux import rename_with_flags as rename_with_flags
    from elfuse.host.linux import reopen as reopen
    from elfuse.host.linux import sealable_file as sealable_file
    from elfuse.host.linux import seals as seals
    from elfuse.host.linux import set_mode as set_mode
    from elfuse.host.linux import set_pipe_capacity as set_pipe_capacity
    from elfuse.host.linux import set_size as set_size
    from elfuse.host.linux import set_xattr as set_xattr
    from elfuse.host.linux import shared_memory as shared_memory
    from elfuse.host.linux import sync_filesystem as sync_filesystem
    from elfuse.host.linux import unnamed_file as unnamed_file
else:
    raise ImportError(f"elfuse runs on macOS and Linux, not {sys.platform}")
