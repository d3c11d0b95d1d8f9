"""How often each key may ask: a bucket of tokens. Pure: time is passed in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.serving.refusals import Refusal

MINUTE_S = 60.0


@dataclass
class Bucket:
    """Holds ``per_minute`` tokens when it is full, and fills in a minute."""

    per_minute: int
    tokens: float
    filled_s: float

    def take(self, now_s: float) -> float:
        """Takes a token; 0, or how many seconds until there is one. Time never goes back."""
        rate = self.per_minute / MINUTE_S
        gained = max(0.0, now_s - self.filled_s) * rate
        self.tokens = min(float(self.per_minute), self.tokens + gained)
        self.filled_s = max(self.filled_s, now_s)
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / rate


@dataclass
class Limits:
    """A bucket for each key's name; ``per_minute`` 0 limits nothing."""

    per_minute: int
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def admit(self, name: str, now_s: float) -> None:
        """Counts a request.

        Raises:
            Refusal: 429, with Retry-After in whole seconds, at least 1.
        """
        if not self.per_minute:
            return
        full = Bucket(self.per_minute, float(self.per_minute), now_s)
        wait_s = self._buckets.setdefault(name, full).take(now_s)
        if wait_s > 0:
            raise too_many(
                "rate_limit_exceeded",
                f"more than {self.per_minute} requests a minute with this key",
                wait_s,
            )


def too_many(code: str, message: str, wait_s: float) -> Refusal:
    """A 429 that says when to come again."""
    return Refusal(429, code, message, headers={"Retry-After": str(max(1, math.ceil(wait_s)))})
