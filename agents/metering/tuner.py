"""What a tuner counts: the rules that it publishes."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from agents.metering.bounded import OTHER, bounded
from schemas.routing_rule import RoutingRule
from streams.instruments import Count, Level
from streams.settings import Settings


class TunerMeters:
    """One tuner's.

    Args:
        registry: where they are registered.
        settings: whose tasks are told apart.
        active: whether this process is the one that publishes.
    """

    def __init__(
        self, registry: CollectorRegistry, settings: Settings, active: Callable[[], bool]
    ) -> None:
        self._tasks = frozenset(settings.tasks)
        self._versions: dict[str, int] = {}
        self._alarms: dict[str, int] = {}
        self._published = Count(
            registry,
            "zeta_rules_published_total",
            "Rules published: policy, or pinned or frozen by somebody's order.",
            ["task", "kind"],
        )
        self._alarmed = Count(
            registry,
            "zeta_change_alarms_total",
            "Windows in which change detection found that a model has fallen or come back.",
            ["task"],
        )
        Level(
            registry,
            "zeta_rule_version",
            "The version of the rule in force (router), or of the newest published (tuner).",
            ["task"],
            lambda: {(task,): float(version) for task, version in self._versions.items()},
        )
        Level(
            registry,
            "zeta_tuner_active",
            "1 for the tuner that publishes, 0 for one that stands by.",
            read=lambda: {(): float(active())},
        )

    def published(self, rule: RoutingRule) -> None:
        """Counts a rule."""
        task = bounded(rule.task, self._tasks)
        kind = "pinned" if rule.pinned is not None else "frozen" if rule.frozen else "policy"
        self._published.add(task, kind)
        if task == OTHER:
            return
        self._versions[task] = rule.version
        alarm = rule.state.alarm_window
        if alarm and alarm == rule.state.windows and alarm != self._alarms.get(task):
            self._alarms[task] = alarm
            self._alarmed.add(task)
