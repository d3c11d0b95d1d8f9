"""Whether each model takes work, and why, as its workers report it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agents.board.showing import LONGEST_REASON, shown
from agents.health import SILENT_REPORTS
from schemas.model_status import ModelStatus

MOST_WORKERS = 50
_BEST_FIRST = ("healthy", "probing", "open")


@dataclass(frozen=True, slots=True)
class _Report:
    at: int
    status: ModelStatus


class ModelStates:
    """The workers' last reports, of the models that the settings name.

    Args:
        models: their names.
        report_s: how often workers report, in seconds.
    """

    def __init__(self, models: Iterable[str], report_s: float) -> None:
        self._reports: dict[str, dict[str, _Report]] = {name: {} for name in models}
        self._patience_ms = report_s * SILENT_REPORTS * 1000

    def put(self, status: ModelStatus, at: int) -> None:
        """Takes a report; ``at`` is when the broker took it (Unix ms)."""
        reports = self._reports.get(status.model)
        if reports is None:
            return
        reports[status.worker] = _Report(at, status)
        # A worker without a replica's name has another name each time that it starts.
        newest = max(one.at for one in reports.values())
        kept = sorted(reports.items(), key=lambda item: -item[1].at)[:MOST_WORKERS]
        self._reports[status.model] = {
            name: one for name, one in kept if one.at > newest - self._patience_ms
        }

    def view(self, model: str, now_at: int) -> dict[str, Any]:
        """``state`` (or ``silent``; ``unknown`` before any report), its reason, when, workers."""
        reports = self._reports.get(model) or {}
        heard = [one for one in reports.values() if one.at > now_at - self._patience_ms]
        if not reports:
            return {"state": "unknown", "reason": "no worker has reported yet", "workers": 0}
        if not heard:
            last = max(one.at for one in reports.values())
            return {
                "state": "silent",
                "reason": "no worker reports any more",
                "at": last,
                "workers": 0,
            }
        best = min(heard, key=lambda one: (_BEST_FIRST.index(one.status.state), -one.at))
        return {
            "state": best.status.state,
            "reason": shown(best.status.reason, LONGEST_REASON),
            "at": best.at,
            "workers": len(heard),
        }
