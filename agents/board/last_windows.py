"""What the newest closed window of each task held, merged over partitions. Pure."""

from __future__ import annotations

from typing import Any

from agents.board.showing import shown
from schemas.window_score import WindowScore
from streams.summaries import accuracy, merge

KEPT = 4
MOST_MODELS = 32


class LastWindows:
    """One task's last windows; shown is the newest with records that all partitions closed."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[int, WindowScore]] = {}

    def put(self, part: WindowScore) -> None:
        """Takes one partition's part; a part that comes again replaces itself."""
        self._parts.setdefault(part.window_end_at, {})[part.partition] = part
        for end_at in sorted(self._parts)[:-KEPT]:
            del self._parts[end_at]

    def view(self) -> dict[str, Any] | None:
        """The newest window with records; None before there is one."""
        for end_at in sorted(self._parts, reverse=True):
            parts = list(self._parts[end_at].values())
            if len(parts) >= parts[0].partitions and any(part.models for part in parts):
                return _window(parts)
        return None


def _window(parts: list[WindowScore]) -> dict[str, Any]:
    names = sorted({name for part in parts for name in part.models})[:MOST_MODELS]
    models = {}
    for name in names:
        summary = merge(part.models[name] for part in parts if name in part.models)
        models[shown(name)] = {
            "outcomes": summary.outcomes,
            "errors": summary.errors,
            "graded": summary.judgements,
            "accuracy": accuracy(summary),
        }
    return {
        "start_at": max(part.window_start_at for part in parts),
        "end_at": parts[0].window_end_at,
        "late": sum(part.late for part in parts),
        "duplicates": sum(part.duplicates for part in parts),
        "models": models,
    }
