"""The Linux kernel in a host process: tasks, memory, files, signals, system calls.

Not responsible for executing instructions (`engine`), for images or for how an image's tree is
stored (`images`, `overlay`); knows a host only through `host`.
"""
