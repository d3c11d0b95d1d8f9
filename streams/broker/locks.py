"""One process at a time, by a lock that the kernel lets go when its holder dies."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.broker.errors import BrokerError


@contextmanager
def exclusive(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock file ``path``; raise ``BrokerError`` if others held it for ``timeout_s``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_s
    with path.open("ab") as file:
        while not _taken(file.fileno()):
            if time.monotonic() > deadline:
                message = f"another process has held {path} for {timeout_s:g} s"
                raise BrokerError(message)
            time.sleep(0.05)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
