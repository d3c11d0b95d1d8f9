"""The limits that a process in the sandbox puts on itself before it reads anything foreign."""

from __future__ import annotations

import resource


def apply(cpu_s: int, memory_bytes: int, file_bytes: int, open_files: int, tasks: int) -> None:
    """Sets hard limits, which no later code can raise.

    ``memory_bytes`` bounds the address space, ``file_bytes`` each file, ``tasks`` the threads
    and processes. The kernel counts tasks per user *namespace* since Linux 5.14, so only this
    sandbox's own; before that, all of the user's.
    """
    limits = {
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: open_files,
        resource.RLIMIT_NPROC: tasks,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
