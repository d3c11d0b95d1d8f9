"""What a router makes of ``model-status``: which models can be given work. Pure.

Each worker reports its own breaker. A model is unavailable when every worker of it that was heard
lately has an open one, or when none was heard lately; one that no worker ever reported isn't, so
that its queries wait for its first worker. Ages are measured on the broker's clock alone, since
routers', workers' and brokers' clocks may differ.
"""

from __future__ import annotations

from schemas.model_status import ModelStatus

SILENT_REPORTS = 3.5
"""A worker that missed three reports in a row is taken for dead."""

PROBE_S = 1.0
"""A model that is being probed gets one query in this time from each router."""

LOOKS = 4
"""So often in that time all reports are looked at, at least, to find who is silent."""


class Health:
    """The workers' last reports.

    Args:
        report_s: how often workers report, in seconds.

    ``now_s`` is the router's monotonic clock, in seconds.
    """

    def __init__(self, report_s: float) -> None:
        self._patience_s = report_s * SILENT_REPORTS
        self._reports: dict[str, dict[str, tuple[float, ModelStatus]]] = {}
        self._gave_s: dict[str, float] = {}
        self._newest: tuple[float, float] | None = None
        self._known: tuple[float, frozenset[str]] | None = None
        self._probing: frozenset[str] = frozenset()

    def put(self, status: ModelStatus, appended_s: float, now_s: float) -> None:
        """Takes a report; ``appended_s`` is when the broker took it, on the broker's clock."""
        if self._newest is None or appended_s >= self._newest[0]:
            self._newest = (appended_s, now_s)
        reports = self._reports.setdefault(status.model, {})
        before = reports.get(status.worker)
        reports[status.worker] = (appended_s, status)
        if before is None or before[1].state != status.state or not self._is_heard(before, now_s):
            self._known = None  # most tell nothing new, and all of them are looked at

    def unavailable(self, now_s: float) -> frozenset[str]:
        """The models that must not be given a query now."""
        if self._known is None or now_s >= self._known[0]:
            self._known = self._look(now_s)
        return self._known[1]

    def gave(self, model: str, now_s: float) -> None:
        """Notes that a query has gone to a model; one that is being probed has its share then.

        What is being probed is as ``unavailable`` last saw it: a look at every worker's report
        would cost each query 70 us for 1,000 workers of a model.
        """
        if model in self._probing:
            self._gave_s[model] = now_s
            self._known = None

    def _look(self, now_s: float) -> tuple[float, frozenset[str]]:
        """What is unavailable, and until when that holds if no worker tells something else."""
        for reports in self._reports.values():
            self._forget_silent(reports, now_s)
        states = {name: self._state(name, now_s) for name in self._reports}
        self._probing = frozenset(name for name, state in states.items() if state == "probing")
        found = frozenset(name for name in states if not self._takes(name, states[name], now_s))
        return now_s + min(PROBE_S, self._patience_s) / LOOKS, found

    def _takes(self, model: str, state: str, now_s: float) -> bool:
        if state == "probing":
            return now_s - self._gave_s.get(model, -PROBE_S) >= PROBE_S
        return state == "healthy"

    def _forget_silent(self, reports: dict[str, tuple[float, ModelStatus]], now_s: float) -> None:
        """A worker without a replica's name has another name each time it starts."""
        for worker in [name for name, told in reports.items() if not self._is_heard(told, now_s)]:
            if len(reports) > 1:
                del reports[worker]

    def _is_heard(self, told: tuple[float, ModelStatus], now_s: float) -> bool:
        assert self._newest is not None, "a report has been put"
        return self._newest[0] + now_s - self._newest[1] - told[0] < self._patience_s

    def _state(self, model: str, now_s: float) -> str:
        """The best state that a worker of the model has told lately; ``silent`` without any."""
        reports = self._reports.get(model)
        if reports is None:
            return "healthy"
        states = {told[1].state for told in reports.values() if self._is_heard(told, now_s)}
        return next(
            (state for state in ("healthy", "probing", "open") if state in states), "silent"
        )
