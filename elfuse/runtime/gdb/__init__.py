"""The debugger's door: the GDB remote serial protocol for every process of a run.

Loaded only with `--gdb`. A process of its own, the supervisor, speaks with the debugger and
starts the guest as its child; in each host process that runs guests an agent serves it over a
socket pair.

    packets     framing of the remote protocol: bytes to packets and back
    registers   which registers a debugger sees, in which order and form
    numbers     signals and errors as the protocol counts them
    link        messages between supervisor and agents
    address     where to listen
    supervisor  the process: accepts, waits for what happens, ends with the guest's status
    connection  bytes between a debugger and its session, acknowledged or not
    session     one debugger's connection: its commands and the answers
    inferiors   all guest processes as the supervisor knows them: stopping and resuming
    peers       one of them, and the agent it is asked through
    state       threads, registers, memory, breakpoints of what has stopped
    replies     stop replies
    parsing     numbers and data as packets write them
    queries     the documents of qXfer, and what lldb asks about host, process and memory
    libraries   the list that the dynamic linker keeps
    hostio      vFile: the debugger reads files of the guest
    monitor     `monitor` commands
    agent       the supervisor's hand in a host process
    views       what it shows of its processes
    files       files that the debugger reads, as a process sees them
    tracee      a task under control: stops, steps, events

Only `agent`, `views`, `files` and `tracee` know tasks; only `session` and what it calls know packets.
"""
