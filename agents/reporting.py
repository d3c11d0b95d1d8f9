"""A worker's reports on ``model-status``: its breaker's state, at each change and at intervals."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
from mode import Service

from agents.breaker import Breaker
from schemas.model_status import ModelInfo, ModelStatus
from streams.clock import NowMs, loop_s
from streams.producing import Outbox


class Reporter(Service):
    """Sends reports from its start on; ``changed`` is to be set when the state has changed.

    It also wakes the breaker when its pause is over, so that routers send it something to probe.

    Args:
        outbox: what it sends with.
        breaker: whose state it reports.
        template: the report, but for state, reason and time.
        report_s: the interval, in seconds.
        now_ms: Unix time in milliseconds.
    """

    def __init__(
        self,
        outbox: Outbox,
        breaker: Breaker,
        template: ModelStatus,
        report_s: float,
        now_ms: NowMs,
    ) -> None:
        super().__init__()
        self.changed = asyncio.Event()
        self._outbox = outbox
        self._breaker = breaker
        self._template = template
        self._report_s = report_s
        self._now_ms = now_ms

    def tell(self, info: ModelInfo, mismatch: str | None) -> bool:
        """From now on reports what the server says that it is; returns whether that is new."""
        told = msgspec.structs.replace(self._template, info=info, mismatch=mismatch)
        if told == self._template:
            return False
        self._template = told
        self.changed.set()
        return True

    async def on_start(self) -> None:
        """Says that this model has a worker."""
        await self._report()

    @Service.task
    async def _keep_reporting(self) -> None:
        while not self.should_stop:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self.changed.wait()
            self.changed.clear()
            self._breaker.wake(loop_s())
            await self._report()

    def _pause_s(self) -> float:
        if (wakes_at_s := self._breaker.wakes_at_s) is None:
            return self._report_s
        return min(self._report_s, max(0.0, wakes_at_s - loop_s()))

    async def _report(self) -> None:
        status = msgspec.structs.replace(
            self._template,
            state=self._breaker.state,
            reason=self._breaker.reason,
            last_seen_at=self._now_ms(),
        )
        await self._outbox.send("model-status", status, key=status.model)
