"""What a fuzz target is: bytes in, nothing out, and only its documented errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

Run = Callable[[bytes], None]
SLOWEST_S = 1.0


class TooSlowError(AssertionError):
    """An input took longer than its target allows."""


@dataclass(frozen=True)
class Target:
    """One decoder, or one stage fed with bytes.

    ``run`` raises only ``errors``; whatever else it raises is a finding. ``seeds`` are good inputs
    to begin with. ``slowest_s`` bounds one input, in seconds of this process's own time, and
    ``most_bytes`` its length.
    """

    name: str
    run: Run
    errors: tuple[type[Exception], ...] = ()
    seeds: Callable[[], Iterable[bytes]] = tuple
    most_bytes: int = 4096
    slowest_s: float = SLOWEST_S

    def check(self, data: bytes) -> None:
        """Runs it on one input.

        Raises:
            TooSlowError: it took too long.
            Exception: anything that isn't documented.
        """
        started = time.process_time()
        with suppress(*self.errors):
            self.run(data)
        took_s = time.process_time() - started
        if took_s > self.slowest_s:
            raise TooSlowError(f"{self.name}: {len(data)} bytes took {took_s:.2f} s")
