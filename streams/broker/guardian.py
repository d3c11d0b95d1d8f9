"""A tiny process that a test's broker can't outlive. Run as a script, on its own.

``guardian.py PARENT_PID DIRECTORY COMMAND...`` runs the command and waits until its standard
input ends or says anything, or its parent is another process (the parent died); then it kills
the command and deletes the directory. If the guardian itself is killed, the kernel kills the
command: the guardian has one thread, so that signal can't come early.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_LOOK_EVERY_S = 0.5


def _die_with(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), signal.SIGKILL)

    return in_child


def _wait_for_end(parent: int) -> None:
    while os.getppid() == parent:
        if select.select([0], [], [], _LOOK_EVERY_S)[0]:
            return


def guard(parent: int, directory: str, command: list[str]) -> None:
    """Run ``command`` for as long as ``parent`` lives and wants it, then delete ``directory``."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - there is one thread
    )
    _wait_for_end(parent)
    child.kill()
    child.wait()
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    guard(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
