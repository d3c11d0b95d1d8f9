"""The one place where wall time is read; everything else is handed it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

NowMs: TypeAlias = Callable[[], int]
"""Returns integer milliseconds since the Unix epoch."""


def now_ms() -> int:
    """The system's clock."""
    return time.time_ns() // 1_000_000


def loop_s() -> float:
    """Monotonic seconds, by the clock of asyncio's event loops."""
    return time.monotonic()
