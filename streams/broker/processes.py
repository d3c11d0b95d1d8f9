"""The broker's process: found again after a restart of ours, never confused with another."""

import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from streams.broker.layout import Layout

_EXEC_LOOKS = 5
# The process writes its own id before it becomes Java: no Java process is ever without one.
# By renaming: a reader never sees half an id.
_WRITE_PID = 'echo $$ >"$0.new" && mv "$0.new" "$0" && exec "$@"'


def with_pid_file(layout: Layout, command: Sequence[str]) -> list[str]:
    """Return a command that runs ``command`` as the process whose id is in the pid file."""
    return ["/bin/sh", "-c", _WRITE_PID, str(layout.pid_file), *command]


def spawn_detached(layout: Layout, command: list[str]) -> None:
    """Run ``command`` in a session of its own, so that it outlives us and our terminal."""
    null, log = os.devnull, str(layout.log)
    os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, null, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def running_pid(layout: Layout) -> int | None:
    """Return the id of the broker's live process, or none; a recycled id is not believed."""
    try:
        pid = int(layout.pid_file.read_text())
        arguments = _arguments(pid)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return pid if os.fsencode(layout.properties) in arguments else None


def _arguments(pid: int) -> list[bytes]:
    """Read a command line. It is empty for a dead process, but also for a moment in exec."""
    for _ in range(_EXEC_LOOKS):
        found = Path(f"/proc/{pid}/cmdline").read_bytes()
        if found:
            return found.split(b"\0")
        time.sleep(0.01)
    return []


def uptime_s(pid: int) -> float | None:
    """Return for how many seconds a process has run, or none if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s


def end(layout: Layout, patience_s: float) -> None:
    """End the broker's process, if there is one: SIGTERM, then after ``patience_s`` SIGKILL."""
    with _held(layout) as process:
        if process is not None:
            signal.pidfd_send_signal(process, signal.SIGTERM)
            if not _gone(process, patience_s):
                signal.pidfd_send_signal(process, signal.SIGKILL)
                _gone(process, patience_s)
    _reap(layout)
    layout.pid_file.unlink(missing_ok=True)


def kill(layout: Layout) -> None:
    """Crash the broker's process with SIGKILL, as a power cut would, and wait until it is gone."""
    with _held(layout) as process:
        if process is not None:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            _gone(process, 10.0)
    _reap(layout)


@contextmanager
def _held(layout: Layout) -> Iterator[int | None]:
    """Hold the process by a descriptor: its id can't be recycled between look and signal."""
    pid = running_pid(layout)
    try:
        process = None if pid is None else os.pidfd_open(pid)
    except ProcessLookupError:
        process = None
    try:
        yield process if running_pid(layout) == pid else None
    finally:
        if process is not None:
            os.close(process)


def _gone(process: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def _reap(layout: Layout) -> None:
    """Collect the exit code if the broker was our own child; someone else's needs nothing."""
    try:
        os.waitpid(int(layout.pid_file.read_text()), os.WNOHANG)
    except (FileNotFoundError, ValueError, ChildProcessError):
        return
