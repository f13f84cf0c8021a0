"""Sockets of any host, in Linux's numbers: families, options, flags, names, peers.

Chosen as in `elfuse.host`; apart from it because a run without sockets need not load them.
"""

import sys

if sys.platform == "darwin":
    from elfuse.host.darwin_sockets import HAS_NETLINK as HAS_NETLINK
    from elfuse.host.darwin_sockets import SCM_CREDENTIALS as SCM_CREDENTIALS
    from elfuse.host.darwin_sockets import SHORT_NAME_MAX as SHORT_NAME_MAX
    from elfuse.host.darwin_sockets import abstract_name as abstract_name
    from elfuse.host.darwin_sockets import control as control
    from elfuse.host.darwin_sockets import disconnect as disconnect
    from elfuse.host.darwin_sockets import family as family
    from elfuse.host.darwin_sockets import interfaces as interfaces
    from elfuse.host.darwin_sockets import linux_family as linux_family
    from elfuse.host.darwin_sockets import message_flags as message_flags
    from elfuse.host.darwin_sockets import option as option
    from elfuse.host.darwin_sockets import option_from_host as option_from_host
    from elfuse.host.darwin_sockets import peer_pid as peer_pid
    from elfuse.host.darwin_sockets import returned_flags as returned_flags
    from elfuse.host.darwin_sockets import sender_pid as sender_pid
    from elfuse.host.darwin_sockets import set_pass_credentials as set_pass_credentials
    from elfuse.host.darwin_sockets import short_directory as short_directory
    from elfuse.host.darwin_sockets import short_path as short_path
elif sys.platform == "linux":
    from elfuse.host.linux_sockets import HAS_NETLINK as HAS_NETLINK
    from elfuse.host.linux_sockets import SCM_CREDENTIALS as SCM_CREDENTIALS
    from elfuse.host.linux_sockets import SHORT_NAME_MAX as SHORT_NAME_MAX
    from elfuse.host.linux_sockets import abstract_name as abstract_name
    from elfuse.host.linux_sockets import control as control
    from elfuse.host.linux_sockets import disconnect as disconnect
    from elfuse.host.linux_sockets import family as family
    from elfuse.host.linux_sockets import interfaces as interfaces
    from elfuse.host.linux_sockets import linux_family as linux_family
    from elfuse.host.linux_sockets import message_flags as message_flags
    from elfuse.host.linux_sockets import option as option
    from elfuse.host.linux_sockets import option_from_host as option_from_host
    from elfuse.host.linux_sockets import peer_pid as peer_pid
    from elfuse.host.linux_sockets import returned_flags as returned_flags
    from elfuse.host.linux_sockets import sender_pid as sender_pid
    from elfuse.host.linux_sockets import set_pass_credentials as set_pass_credentials
    from elfuse.host.linux_sockets import short_directory as short_directory
    from elfuse.host.linux_sockets import short_path as short_path
else:
    raise ImportError(f"elfuse runs on macOS and Linux, not {sys.platform}")
