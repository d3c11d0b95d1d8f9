"""How long to wait before trying again: exponential backoff with equal jitter, reproducible.

After Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015). The jitter comes
from a hash, so that a rerun waits alike.
"""

from __future__ import annotations

from hashlib import blake2b

from streams.settings import Routing


def backoff_s(first_s: float, longest_s: float, key: str, waits: int) -> float:
    """Seconds to wait for the ``waits``-th time (from 1): half of that step to the whole of it."""
    step = min(longest_s, first_s * 2.0 ** min(waits - 1, 30))
    digest = blake2b(f"{key}\0{waits}".encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return step * (0.5 + int.from_bytes(digest) / 2**33)


def retry_pause_s(routing: Routing, key: str, waits: int) -> float:
    """``backoff_s`` by the settings of retries."""
    return backoff_s(routing.retry_first_s, routing.retry_longest_s, key, waits)
