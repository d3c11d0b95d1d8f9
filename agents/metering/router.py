"""What a router counts: its decisions, and the rules that they follow."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

from prometheus_client import CollectorRegistry

from schemas.assignment import Decision
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION
from streams.clock import NowMs
from streams.instruments import Count, Labels, Level, Spread
from streams.settings import Settings

INSTANTS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1)
SHARES = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)


class RouterMeters:
    """One router's. Tasks and models are those of the settings: it routes no others."""

    def __init__(self, registry: CollectorRegistry, settings: Settings, now_ms: NowMs) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._rules: dict[str, tuple[RoutingRule, int]] = {}
        self._fresh: dict[str, RoutingRule] = {}
        self._sampled_at = 0
        self._seconds = Spread(
            registry,
            "zeta_decision_seconds",
            "The choice of a model for one query; of the first in each millisecond.",
            buckets=INSTANTS,
        )
        self._decisions = Count(
            registry,
            "zeta_decisions_total",
            "Queries for which a model was chosen, by what sort of choice that was.",
            ["task", "model", "kind"],
        )
        self._propensity = Spread(
            registry,
            "zeta_propensity",
            "With what probability the model was chosen that was, where there was a choice; of "
            "the first query in each millisecond.",
            ["task"],
            SHARES,
        )
        self._waits = Count(
            registry,
            "zeta_waits_total",
            "Queries put back since no model could take them.",
            ["task"],
        )
        self._delay = Spread(
            registry,
            "zeta_control_loop_delay_seconds",
            "From the end of the window behind a rule to the first query routed by that rule.",
            ["task"],
        )
        self._describe_rules(registry)

    def _describe_rules(self, registry: CollectorRegistry) -> None:
        Level(
            registry,
            "zeta_rule_version",
            "The version of the rule in force (router), or of the newest published (tuner).",
            ["task"],
            lambda: {(task,): rule.version for task, (rule, _) in self._rules.items()},
        )
        Level(
            registry,
            "zeta_rule_weight_ratio",
            "The share of a task's queries that the rule in force gives a model.",
            ["task", "model"],
            self._weights,
        )
        Level(
            registry,
            "zeta_rule_age_seconds",
            "Since the rule in force was published.",
            ["task"],
            self._ages,
        )

    def _weights(self) -> Mapping[Labels, float]:
        return {
            (task, model): weight / MILLION
            for task, (rule, _) in self._rules.items()
            for model, weight in rule.weights.items()
            if model in self._settings.models
        }

    def _ages(self) -> Mapping[Labels, float]:
        now = self._now_ms()
        return {(task,): max(0, now - at) / 1000 for task, (_, at) in self._rules.items()}

    def ruled(self, rule: RoutingRule, published_at: int) -> None:
        """Notes a rule that has come into force; those before the first query start no clock."""
        if rule.task not in self._settings.tasks:
            return
        before = self._rules.get(rule.task)
        if self._sampled_at and before is not None and rule.window_end_at > before[0].window_end_at:
            self._fresh[rule.task] = rule
        self._rules[rule.task] = rule, published_at

    def decided(self, decision: Decision, began_s: float, now: int) -> None:
        """Counts a choice that has just been made.

        Args:
            decision: what was chosen.
            began_s: when choosing began, by ``perf_counter``.
            now: Unix ms.
        """
        self._decisions.values[decision.task, decision.model, decision.kind] += 1
        if now != self._sampled_at:
            self._sampled_at = now
            self._seconds.add(perf_counter() - began_s)
            if decision.kind == "policy":
                self._propensity.add(decision.propensity, decision.task)
        if self._fresh:
            self._close_loop(decision, now)

    def _close_loop(self, decision: Decision, now: int) -> None:
        rule = self._fresh.get(decision.task)
        if rule is not None and decision.rule_version == rule.version:
            self._delay.add(max(0, now - rule.window_end_at) / 1000, decision.task)
            del self._fresh[decision.task]

    def waits(self, task: str) -> None:
        """Counts a query that no model could take."""
        self._waits.add(task)
