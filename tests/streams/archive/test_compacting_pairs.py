"""Two compactors of other sizes, taking turns at every step in any order."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.archive.compacting import Limits
from streams.archive.local import LocalStore
from streams.archive.naming import parts_in
from tests.streams.archive.test_compacting import Stepping, check_sound, do, rows, write_small

FILES = 7
Step = Callable[[], None]


class Listing(Stepping):
    """Comes to a step after a listing, too."""

    def paths(self, directory: str = "") -> list[str]:
        found = super().paths(directory)
        self._step()
        return found


class Turns:
    """Runs functions in threads, only one at a time, and switches between them at their steps."""

    def __init__(self, *runs: Callable[[Step], object]) -> None:
        self._go = [threading.Semaphore(0) for _ in runs]
        self._back = threading.Semaphore(0)
        self._left = set(range(len(runs)))
        self.errors: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=(number, run), daemon=True)
            for number, run in enumerate(runs)
        ]

    def _run(self, number: int, run: Callable[[Step], object]) -> None:
        def step() -> None:
            self._back.release()
            self._go[number].acquire()

        self._go[number].acquire()
        try:
            run(step)
        except (RuntimeError, OSError) as error:
            self.errors.append(error)
        finally:
            self._left.discard(number)
            self._back.release()

    def play(self, choose: random.Random, check: Step) -> None:
        for thread in self._threads:
            thread.start()
        while self._left:
            self._go[choose.choice(sorted(self._left))].release()
            assert self._back.acquire(timeout=10)
            check()
        assert not self.errors


@pytest.mark.parametrize("seed", range(12))
def test_any_order(tmp_path: Path, seed: int) -> None:
    store = LocalStore(tmp_path)
    written = write_small(store, FILES)
    size = max(store.size(part.path) for part in parts_in(store.paths("metrics")))

    def compactor(files: int) -> Callable[[Step], object]:
        return lambda step: do(Listing(tmp_path, step), Limits(target_bytes=files * size))

    def check() -> None:
        assert rows(tmp_path) == written

    Turns(compactor(2), compactor(3)).play(random.Random(seed), check)
    do(store, Limits(target_bytes=2 * size))
    check()
    check_sound(tmp_path)
