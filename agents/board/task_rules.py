"""One task's rule in force, why, and the course of its weights and scores. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from agents.board.showing import LONGEST_REASON, interval, maybe, shown
from schemas.routing_rule import ModelScore, RoutingRule
from schemas.wire import MILLION

MOST_POINTS = 500
MOST_MODELS = 32


@dataclass(frozen=True, slots=True)
class _Point:
    seq: int
    view: dict[str, Any]


@dataclass
class TaskRules:
    """The newest version, from ``rules`` or ``rules-log``, and the last points of ``rules-log``."""

    task: str
    tick: Callable[[], int]
    seq: int = 0
    rule: RoutingRule | None = None
    published_at: int = 0
    points: deque[_Point] = field(default_factory=lambda: deque(maxlen=MOST_POINTS))

    def put(self, rule: RoutingRule, at: int) -> None:
        """Takes a version, unless a newer one is known; ``at`` is its record's time (Unix ms)."""
        if self.rule is not None and rule.version <= self.rule.version:
            return
        self.rule, self.published_at, self.seq = rule, at, self.tick()

    def put_logged(self, rule: RoutingRule, at: int) -> None:
        """Takes a version of ``rules-log``, which also is a point of the course."""
        if not self.points or rule.version > self.points[-1].view["version"]:
            self.seq = self.tick()
            self.points.append(_Point(self.seq, _point(rule, at)))
        self.put(rule, at)

    def points_since(self, seq: int) -> list[dict[str, Any]]:
        """The points that came after ``seq``, oldest first."""
        return [one.view for one in self.points if one.seq > seq]

    def view(self) -> dict[str, Any]:
        """The rule in force, as the page tells it; ``rule`` is None where there is none."""
        rule = self.rule
        if rule is None:
            return {"task": shown(self.task), "rule": None}
        return {
            "task": shown(self.task),
            "rule": {
                "version": rule.version,
                "policy": shown(rule.policy),
                "reason": shown(rule.reason, LONGEST_REASON),
                "at": self.published_at,
                "window_start_at": rule.window_start_at,
                "window_end_at": rule.window_end_at,
                "pinned": maybe(rule.pinned),
                "frozen": rule.frozen,
                "models": [_model(rule, name) for name in _models(rule)],
            },
        }


def _models(rule: RoutingRule) -> list[str]:
    """Those with the largest shares, and the others that a score is known of."""
    names = {*rule.weights, *rule.scores}
    return sorted(names, key=lambda name: (-rule.weights.get(name, 0), name))[:MOST_MODELS]


def _model(rule: RoutingRule, name: str) -> dict[str, Any]:
    known = rule.scores.get(name, ModelScore())
    accuracy = _share(known.accuracy_micro)
    time_us = known.response_time_us
    return {
        "name": shown(name),
        "weight": rule.weights.get(name, 0) / MILLION,
        "score": _share(known.score_micro),
        "accuracy": accuracy,
        "interval": None if accuracy is None else interval(accuracy, known.samples),
        "samples": known.samples,
        "outcomes": known.outcomes,
        "response_time_s": None if time_us is None else time_us / MILLION,
        "error_share": _share(known.error_micro),
        "excluded": name in rule.excluded,
    }


def _share(micro: int | None) -> float | None:
    return None if micro is None else micro / MILLION


def _point(rule: RoutingRule, at: int) -> dict[str, Any]:
    names = _models(rule)
    return {
        "version": rule.version,
        "at": at,
        "weights": {shown(name): rule.weights.get(name, 0) / MILLION for name in names},
        "scores": dict(_scores(rule, names)),
    }


def _scores(rule: RoutingRule, names: Iterable[str]) -> Iterable[tuple[str, float]]:
    for name in names:
        value = rule.scores[name].score_micro if name in rule.scores else None
        if value is not None:
            yield shown(name), value / MILLION
