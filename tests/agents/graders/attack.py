"""Running an attack in small limits, and finding what is left of it."""

from __future__ import annotations

import os
from pathlib import Path

from agents.graders.sandbox import Limits
from agents.graders.trial import Job, run

MIB = 1024 * 1024
# The size is this process's mark, by which its sandboxes are found among all processes.
SMALL = Limits(cpu_s=1, wall_s=4, memory_bytes=256 * MIB + os.getpid())


def passed(
    answer: str, *tests: str, limits: Limits = SMALL, system_calls: bytes | None = None
) -> list[bool]:
    """Which tests pass."""
    return run(Job("", answer, tests), limits, system_calls)


def sandboxed() -> list[str]:
    """The command lines of this test process's sandboxes that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if str(SMALL.memory_bytes) in line:
            found.append(line)
    return found


MANY_FILES = """
def f(folder):
    size = 0
    try:
        for n in range(1000):
            with open(f'{folder}/{n}', 'wb', buffering=0) as file:
                size += file.write(bytes(10**6))
    except OSError: pass
    return size
"""
