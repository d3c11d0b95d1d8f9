"""A circuit breaker for one model, as one worker sees it. Pure: the time is passed in.

After Nygard, "Release It!" (2007), with the count-based window that resilience4j documents: it
opens when enough of the last calls failed, stays open for a pause that doubles with each failed
probe, then lets a few calls through as probes, and closes when they have all succeeded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agents.model_error import ModelError
from agents.retrying import backoff_s
from streams.sections import Breaker as BreakerSettings

State: TypeAlias = Literal["healthy", "probing", "open"]
STATES: tuple[State, ...] = ("healthy", "probing", "open")

FAULTS = frozenset({"unreachable", "timeout", "overloaded", "server_error", "bad_answer"})
"""Errors that are the model's; a model that rejects a query is up."""


@dataclass(frozen=True)
class Call:
    """One call that was let through: in which state, and in which period of it."""

    period: int
    is_probe: bool


class Breaker:
    """Whether a model is worth asking: by its calls, and by what its server says of its health.

    Args:
        settings: when it opens, and for how long.
        name: the model's; with it the jitter differs from model to model and a rerun waits alike.

    Times are seconds on any clock that only goes forward. ``state``, ``reason`` and ``period``
    (one more at each change of what the calls say) may be read at any time. ``down`` is why the
    server itself can't be used; while it is set the model is open, whatever its calls said.
    """

    def __init__(self, settings: BreakerSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._failed: deque[bool] = deque(maxlen=settings.window)
        self._openings = 0
        self._probing = 0
        self._probed = 0
        self._has_answered = False
        self._state: State = "healthy"
        self._reason = "a worker has started"
        self.down: str | None = None
        self.period = 0
        self.opens_until_s = 0.0

    @property
    def state(self) -> State:
        """Whether calls are let through: all, a few, or none."""
        return self._state if self.down is None else "open"

    @property
    def reason(self) -> str:
        """Why, in words."""
        return self._reason if self.down is None else self.down

    @property
    def wakes_at_s(self) -> float | None:
        """When ``wake`` will find that it is time; None: not by time alone."""
        return self.opens_until_s if self.down is None and self._state == "open" else None

    def looked(self, problem: str | None) -> bool:
        """Takes note of a look at the server itself; returns whether that changed anything.

        Where calls have succeeded since the last look, a problem says nothing: a busy server may
        be slow to tell of its health.
        """
        if problem is not None and self._has_answered:
            problem = None
        self._has_answered = False
        changed, self.down = self.down != problem, problem
        return changed

    def begin(self, now_s: float) -> Call | None:
        """Lets a call through, which must be told to ``end``; None: hand the query on."""
        self.wake(now_s)
        if self.state == "open":
            return None
        if self._state == "probing":
            if self._probing + self._probed >= self._settings.probes:
                return None
            self._probing += 1
        return Call(self.period, self._state == "probing")

    def end(self, call: Call, error: ModelError | None, now_s: float) -> None:
        """Takes note of how a call ended; one from before the last change says nothing.

        But that a server which was taken for down has answered after all.
        """
        if error is None:
            self._has_answered, self.down = True, None
        if call.period != self.period:
            return
        failed = error is not None and error.kind in FAULTS
        if call.is_probe:
            self._end_probe(error if failed else None, now_s)
            return
        self._failed.append(failed)
        if failed and error is not None and self._is_too_much():
            count = sum(self._failed)
            self._open(
                f"{count} of the last {len(self._failed)} calls failed; {error}", error, now_s
            )

    def give_up(self, call: Call) -> None:
        """A call that ended for a reason that says nothing about the model."""
        if call.period == self.period and call.is_probe:
            self._probing -= 1

    def wake(self, now_s: float) -> None:
        """Goes from open to probing when it is time."""
        if self._state == "open" and now_s >= self.opens_until_s:
            self._change("probing", "its pause is over")

    def _is_too_much(self) -> bool:
        count = sum(self._failed)
        return count >= self._settings.failures and count >= self._settings.rate * len(self._failed)

    def _end_probe(self, error: ModelError | None, now_s: float) -> None:
        self._probing -= 1
        if error is not None:
            self._open(f"a probe failed; {error}", error, now_s)
            return
        self._probed += 1
        if self._probed == self._settings.probes:
            self._openings = 0
            self._change("healthy", f"{self._probed} probes succeeded")

    def _open(self, reason: str, error: ModelError, now_s: float) -> None:
        longest = self._settings.longest_open_s
        self._openings += 1
        backed_off_s = backoff_s(self._settings.open_s, longest, self._name, self._openings)
        pause_s = max(backed_off_s, error.retry_after_s or 0.0)
        self.opens_until_s = now_s + min(pause_s, longest)
        self._change("open", reason)

    def _change(self, state: State, reason: str) -> None:
        self._failed.clear()
        self._probing = self._probed = 0
        self._state, self._reason = state, reason
        self.period += 1
