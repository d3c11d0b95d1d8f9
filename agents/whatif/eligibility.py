"""What could have been chosen, and how likely each was: a choice's propensities.

``metrics`` has the chosen model's alone. All of them are in the decision, which comes along on
``responses`` and, where the first attempt failed, on ``reroutes``; both are kept for 7 days.
``rules-log`` is kept as long as ``metrics``: where the logged propensity is the rule's weight,
nothing was taken out of it, and the weights are the propensities. Where it isn't, some model was
out and nobody knows which. A choice whose rule is gone is taken to have had every model that the
log shows for its task; that is an assumption, and counted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from agents.whatif.choices import Choice
from schemas.assignment import Decision
from schemas.routing_rule import Inputs, RoutingRule
from schemas.wire import MILLION, WireError, decode
from streams.history import Log

SAME = 1e-9
"""So far apart may two equal probabilities be, in floating point."""

Chances = Mapping[str, float]


class _Asked(msgspec.Struct):
    query_id: str


class _Answered(msgspec.Struct):
    """The part of a ``Response`` that is needed: its text needn't be kept, or even be there."""

    query_id: str
    decision: Decision | None = None


class _Rerouted(msgspec.Struct):
    """That of an ``Assignment``."""

    query: _Asked
    decision: Decision | None = None


class Sources(msgspec.Struct, kw_only=True):
    """By where their propensities come from, how many choices; the last two are left out."""

    decision: int = 0
    rule: int = 0
    assumed: int = 0
    unknown: int = 0
    no_propensity: int = 0


@dataclass(frozen=True)
class Logged:
    """What is needed of a logged rule."""

    weights: Mapping[str, int]
    inputs: Inputs


@dataclass
class Eligibility:
    """The propensities of choices.

    ``sources``: by task, of the choices asked about; ``assumed_for``: by task, the models that the
    log shows; ``starts``: by task, the first rule
    after which all ``scores`` survive, where retention has taken some.
    """

    decisions: dict[tuple[str, str, int], Chances] = field(default_factory=dict)
    rules: dict[tuple[str, int], Logged] = field(default_factory=dict)
    sources: dict[str, Sources] = field(default_factory=dict)
    assumed_for: dict[str, set[str]] = field(default_factory=dict)
    starts: dict[str, RoutingRule] = field(default_factory=dict)
    _known: dict[tuple[tuple[str, float], ...], Chances] = field(default_factory=dict)

    def add_decision(self, query_id: str, decision: Decision) -> None:
        """Notes a policy's decision."""
        if decision.kind == "policy":
            content = tuple(sorted(decision.propensities.items()))
            chances = self._known.setdefault(content, decision.propensities)  # few differ
            self.decisions[query_id, decision.model, decision.decided_at] = chances

    def add_rule(self, rule: RoutingRule, scores_from: int = 0) -> None:
        """Notes a logged rule; ``scores`` begin with the offset ``scores_from``."""
        self.rules[rule.task, rule.version] = Logged(rule.weights, rule.inputs)
        if 0 < scores_from <= rule.inputs.scores:
            self.starts.setdefault(rule.task, rule)

    def learn(self, choices: Iterable[Choice]) -> None:
        """Notes which models the log shows for each task."""
        for choice in choices:
            models = self.assumed_for.setdefault(choice.task, set())
            models.add(choice.model)
            models.update(self.decisions.get(_key(choice), ()))
        for (task, _), rule in self.rules.items():
            self.assumed_for.setdefault(task, set()).update(rule.weights)

    def chances(self, choice: Choice) -> Chances | None:
        """The propensity of each eligible model, NaN where it isn't known; None: can't be used."""
        sources = self.sources.setdefault(choice.task, Sources())
        if not choice.propensity:
            sources.no_propensity += 1
            return None
        if (found := self.decisions.get(_key(choice))) is not None:
            sources.decision += 1
            return found
        if (rule := self.rules.get((choice.task, choice.rule_version))) is None:
            sources.assumed += 1
            others = dict.fromkeys(sorted(self.assumed_for[choice.task]), float("nan"))
            return {**others, choice.model: choice.propensity}
        if abs(rule.weights.get(choice.model, 0) / MILLION - choice.propensity) > SAME:
            sources.unknown += 1
            return None
        sources.rule += 1
        return {name: weight / MILLION for name, weight in rule.weights.items()}


def _key(choice: Choice) -> tuple[str, str, int]:
    return choice.query_id, choice.model, choice.decided_at


async def read_eligibility(log: Log) -> Eligibility:
    """All that the log knows of it; a topic that the log doesn't have adds nothing."""
    found = Eligibility()
    scores_from = log.beginning("scores", 0) if log.partitions("scores") else 0
    async for value in _values(log, "rules-log"):
        try:
            found.add_rule(decode(RoutingRule, value), scores_from)
        except WireError:
            continue  # zeta rebuild tells of it
    async for value in _values(log, "responses"):
        try:
            answered = decode(_Answered, value)
        except WireError:
            continue
        if answered.decision is not None:
            found.add_decision(answered.query_id, answered.decision)
    async for value in _values(log, "reroutes"):
        try:
            rerouted = decode(_Rerouted, value)
        except WireError:
            continue
        if rerouted.decision is not None:
            found.add_decision(rerouted.query.query_id, rerouted.decision)
    return found


async def _values(log: Log, topic: str) -> AsyncIterator[bytes | None]:
    for partition in log.partitions(topic):
        async for records in log.read(topic, partition):
            for record in records:
                yield record.value
