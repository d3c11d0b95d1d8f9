"""A throw-away broker goes away, whatever happens to the process that made it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.broker import ephemeral

# The forked child holds every descriptor of its parent open, and outlives it.
PARENT = """
import os, sys
from streams.broker import ephemeral
with ephemeral() as broker:
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    print(broker.status().pid, broker.directory, flush=True)
    os.waitpid(-1, 0)
"""


def await_true(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Say whether a process is dead, its exit code collected or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def parent_of(pid: int) -> int:
    """Return the id of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@contextmanager
def another_python() -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    """Run the script above; give its process, its broker's id and its directory."""
    command = [sys.executable, "-c", PARENT]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout is not None
        pid, directory = parent.stdout.readline().split()
        yield parent, int(pid), Path(directory)
        assert parent.stdin is not None
        parent.stdin.close()


def test_it_serves_and_leaves_nothing_behind() -> None:
    with ephemeral() as broker:
        first = broker.status()
        assert first.pid is not None
        assert first.bootstrap == broker.bootstrap
        broker.stop()
        second = broker.start()
        assert second.pid not in {None, first.pid}
    assert gone(second.pid or 0)
    assert not broker.directory.exists()


def test_it_dies_with_a_killed_parent() -> None:
    with another_python() as (parent, pid, directory):
        assert not gone(pid)
        os.kill(parent.pid, signal.SIGKILL)
        await_true(lambda: gone(pid))
        await_true(lambda: not directory.exists())


def test_it_dies_with_a_killed_guardian() -> None:
    with ephemeral() as broker:
        pid = broker.status().pid
        assert pid is not None
        os.kill(parent_of(pid), signal.SIGKILL)
        await_true(lambda: gone(pid))
    assert not broker.directory.exists()


def test_two_do_not_get_in_each_others_way() -> None:
    with ephemeral() as one, ephemeral() as other:
        assert one.bootstrap != other.bootstrap
        one.kill()
        assert not one.status().running
        assert other.status().running
