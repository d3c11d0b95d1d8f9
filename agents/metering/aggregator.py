"""What an aggregator counts: windows, and what became of each metric."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from agents.metering.bounded import bounded
from schemas.window_score import WindowScore
from streams.instruments import Count, Level
from streams.settings import Settings


class AggregatorMeters:
    """One aggregator's.

    Args:
        registry: where they are registered.
        settings: whose tasks are told apart.
        open_windows: how many windows are open now, of all partitions.
    """

    def __init__(
        self, registry: CollectorRegistry, settings: Settings, open_windows: Callable[[], int]
    ) -> None:
        self._tasks = frozenset(settings.tasks)
        self._closed = Count(
            registry,
            "zeta_windows_closed_total",
            "Parts of windows published, one per partition that had something in it.",
            ["task"],
        )
        self._metrics = Count(
            registry,
            "zeta_metrics_total",
            "Metrics of the windows closed: folded (late ones too), late, duplicate; or refused.",
            ["outcome"],
        )
        Level(
            registry,
            "zeta_open_windows",
            "Windows that are open, of all tasks and of the partitions owned.",
            read=lambda: {(): float(open_windows())},
        )

    def closed(self, part: WindowScore) -> None:
        """Counts a part that is published."""
        if part.next_offset == 0:
            return  # it only says that there was nothing
        self._closed.add(bounded(part.task, self._tasks))
        folded = sum(one.outcomes + one.judgements for one in part.models.values())
        self._metrics.add("folded", by=folded)
        self._metrics.add("late", by=part.late)
        self._metrics.add("duplicate", by=part.duplicates)

    def refused(self) -> None:
        """Counts a record that is in no window."""
        self._metrics.add("refused")
