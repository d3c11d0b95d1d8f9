"""The archiver as a process that is killed, or stopped, by itself at a chosen step.

``python -m tests.loop.archiver_program CONFIG REPLICA SIGNAL STEP NTH``: at the NTH time that it
comes to STEP (one of ``STEPS``; ``none``: never), it sends itself SIGKILL or SIGSTOP.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from agents.archiver import build_archiver
from streams.app import run_app
from streams.archive.naming import claim_of
from streams.archive.opening import open_store
from streams.archive.store import Staged, Store
from streams.settings import load

STEPS = (
    "before the temporary file",
    "in the temporary file",
    "before the claim",
    "after the claim",
    "after the rename",
    "before the commit",
)


class Killer:
    """Counts steps, and sends this process a signal at the chosen one."""

    def __init__(self, number: signal.Signals, step: str, nth: int) -> None:
        self._number = number
        self._step = step
        self._nth = nth
        self._seen: Counter[str] = Counter()

    def at(self, step: str) -> None:
        self._seen[step] += 1
        if step == self._step and self._seen[step] == self._nth:
            os.kill(os.getpid(), self._number)


@dataclass
class KillingStaged:
    """A staged file that comes to steps."""

    inner: Staged
    killer: Killer

    @property
    def file(self) -> BinaryIO:
        return self.inner.file

    def publish(self, path: str) -> None:
        self.inner.publish(path)
        self.killer.at("after the rename")


class KillingStore:
    """A store that comes to steps."""

    def __init__(self, inner: Store, killer: Killer) -> None:
        self._inner = inner
        self._killer = killer
        self.root = inner.root
        self.paths = inner.paths
        self.topics = inner.topics
        self.size = inner.size
        self.modified_at = inner.modified_at
        self.read = inner.read
        self.open = inner.open

    def create(self, path: str, content: bytes) -> None:
        if claim_of(path):
            self._killer.at("before the claim")
        self._inner.create(path, content)
        if claim_of(path):
            self._killer.at("after the claim")

    @contextmanager
    def stage(self, topic: str) -> Iterator[Staged]:
        self._killer.at("before the temporary file")
        with self._inner.stage(topic) as staged:
            self._killer.at("in the temporary file")
            yield KillingStaged(staged, self._killer)

    def delete(self, path: str) -> None:
        self._inner.delete(path)
        self._killer.at("before the commit")


def main(config: str, replica: str, number: str, step: str, nth: str) -> int:
    logging.basicConfig(level=logging.INFO)
    settings = load(Path(config), {})
    killer = Killer(signal.Signals[number], step, int(nth))

    def open_archive() -> Store:
        return KillingStore(open_store(settings.archive.directory, writing=True), killer)

    async def run() -> int:
        return await run_app(build_archiver(settings, replica, open_archive))

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
