"""elfuse with marks at the phases of its start; `startup.py` runs it. Loads next to nothing itself."""

import os
import time

MARK = "elfuse-startup:"


def run() -> None:
    """Run elfuse in this process; at its end, processor times of the phases in ns on stderr."""
    now = time.process_time_ns
    marks = [now()]
    from elfuse.container import plain as plain_mode
    from elfuse.runtime import task as tasks
    from elfuse.runtime.process import Process
    from elfuse.typing import Any

    plain: Any = plain_mode
    task: Any = tasks
    process: Any = Process
    first = os.getpid()
    in_guest = calls_begin = 0

    def make_kernel(*given: Any, **named: Any) -> Any:
        marks.append(now())
        return real_make(*given, **named)

    def run_task(self: Any) -> None:
        nonlocal calls_begin
        marks.append(now())
        vcpu, enter = self.vcpu, self.vcpu.run

        def timed() -> Any:
            nonlocal in_guest
            begin = now()
            try:
                return enter()
            finally:
                in_guest += now() - begin

        vcpu.run = timed
        calls_begin = now()
        real_run(self)

    def finish(self: Any) -> None:
        if os.getpid() == first:
            served = now() - calls_begin - in_guest
            phases = [marks[0], marks[1] - marks[0], marks[2] - marks[1], in_guest, served]
            os.write(2, f"{MARK} {' '.join(map(str, phases))}\n".encode())
        real_finish(self)

    real_make, plain.make_kernel = plain.make_kernel, make_kernel
    real_run, task.Task.run = task.Task.run, run_task
    real_finish, process._finish = process._finish, finish
    from elfuse.__main__ import main

    main()
