"""prctl(2) options that are served (linux/prctl.h)."""

from elfuse.enumeration import IntEnum


class Pr(IntEnum):
    """PR_*."""

    SET_PDEATHSIG = 1
    GET_PDEATHSIG = 2
    GET_DUMPABLE = 3
    SET_DUMPABLE = 4
    GET_KEEPCAPS = 7
    SET_KEEPCAPS = 8
    SET_NAME = 15
    GET_NAME = 16
    CAPBSET_READ = 23
    SET_TIMERSLACK = 29
    GET_TIMERSLACK = 30
    SET_CHILD_SUBREAPER = 36
    GET_CHILD_SUBREAPER = 37
    SET_NO_NEW_PRIVS = 38
    GET_NO_NEW_PRIVS = 39


PR_NAMES = {option.value: f"PR_{option.name}" for option in Pr}
