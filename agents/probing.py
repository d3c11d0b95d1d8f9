"""A worker's looks at its model's server: at the start, and again and again."""

from __future__ import annotations

import logging

from mode import Service

from agents.breaker import Breaker
from agents.endpoints.endpoint import Endpoint
from agents.reporting import Reporter

logger = logging.getLogger(__name__)

UP = "its server is up"
AGAIN_S = 2.0
"""At most so long after a look that found the server down."""


class Prober(Service):
    """Looks before the worker takes its first query, then every ``probe_s``.

    A server that is down opens the breaker until a look finds it up, or a call that was under way
    succeeds. Nothing that it says stops the worker.

    Args:
        name: the model's.
        endpoint: the model's.
        breaker: told of what was found.
        reporter: tells of it.
        probe_s: seconds; 0: it never looks.
    """

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        breaker: Breaker,
        reporter: Reporter,
        probe_s: float,
    ) -> None:
        super().__init__()
        self._name = name
        self._endpoint = endpoint
        self._breaker = breaker
        self._reporter = reporter
        self._probe_s = probe_s

    async def on_start(self) -> None:
        """The first look."""
        if self._probe_s:
            await self._look()

    @Service.task
    async def _keep_looking(self) -> None:
        while self._probe_s and not self.should_stop:
            down = self._breaker.down is not None
            await self.sleep(min(self._probe_s, AGAIN_S) if down else self._probe_s)
            await self._look()

    async def _look(self) -> None:
        seen = await self._endpoint.look()
        if self._breaker.looked(seen.problem):
            told = self._breaker.down
            logger.log(logging.WARNING if told else logging.INFO, "%s: %s", self._name, told or UP)
            self._reporter.changed.set()
        if seen.info is None:
            return
        if self._reporter.tell(seen.info, seen.mismatch) and seen.mismatch is not None:
            logger.warning("%s: %s", self._name, seen.mismatch)
