"""Which model gets a query: a pure function of the query, the rule and the eligible models.

Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights after Schindelhauer and
Schomaker 2005): each model scores -weight / ln(h) with h a hash of (task, epoch, session or query
id, model) in (0, 1), and the highest wins. A model is chosen with a probability in proportion to
its weight, every replica chooses alike, and when weights change only the sessions move that must.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from agents.endpoints.parameters import is_demanding, unsupported
from schemas.assignment import Decision, DecisionKind, ErrorKind
from schemas.query import Query
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION
from streams.settings import Settings

SHADOW = "#shadow"
"""Ends the query id of a shadow copy."""

LONGEST_SHADOWED = 249 - len(SHADOW)


@dataclass(frozen=True)
class Refusal:
    """Why a query can't be given to any model, now (``waits``) or ever."""

    kind: ErrorKind
    message: str
    waits: bool = False


@dataclass(frozen=True)
class _Plan:
    """Who may get a task's queries that name no models, met no failure and demand nothing rare."""

    rule: RoutingRule | None
    possible: Sequence[str]
    eligible: list[str]
    chances: dict[str, float]


@dataclass(frozen=True)
class Table:
    """What a router knows: the rules in force, and models that can't take work now.

    It remembers what all usual queries of a task share, as long as the task's rule is the same
    object: for 100 models that is two thirds of a decision's time. One table goes with one
    settings.
    """

    rules: Mapping[str, RoutingRule]
    unhealthy: frozenset[str] = frozenset()
    plans: dict[tuple[str, bool], _Plan] = field(default_factory=dict, compare=False, repr=False)


def task_problem(settings: Settings, query: Query, task: str) -> str | None:
    """What is wrong with the query's demands, if anything: such a query never gets a model."""
    if task not in settings.tasks:
        return f"unknown task {task!r}; one of {', '.join(settings.tasks)}"
    needs = settings.tasks[task].needs
    if (query.input is not None) != (needs == "embedding"):
        given = "input" if query.input is not None else "prompt or messages"
        return f"task {task!r} needs a {needs} model, but the query has {given}"
    for model in query.models or ():
        if model not in settings.candidates(task):
            allowed = ", ".join(settings.candidates(task))
            return f"model {model!r} can't serve task {task!r}; candidates are {allowed}"
    return None


def capable(settings: Settings, query: Query, task: str) -> list[str]:
    """The candidates that the query permits, sorted.

    Embeddings of different vector spaces can't be compared: unless the query says ``any_space``,
    only the models of one space are left: that of the first model that it names, else the
    task's home space, that of the prior's largest model (docs/routing.md). Models whose protocol
    can't do what the query's parameters ask are left out, unless no other is left: then the query
    is refused by the parameter's name.
    """
    names = [name for name in settings.candidates(task) if name in (query.models or [name])]
    names = [name for name in names if not unsupported(settings.models[name], query)] or names
    if settings.tasks[task].needs == "embedding" and not query.any_space:
        home = _home_space(settings, query, task)
        names = [name for name in names if settings.models[name].vector_space == home]
    return sorted(names)


def _home_space(settings: Settings, query: Query, task: str) -> str:
    if query.models:
        return settings.models[query.models[0]].vector_space
    prior = settings.prior(task)
    return settings.models[max(sorted(prior), key=lambda name: prior[name])].vector_space


def weights(settings: Settings, rule: RoutingRule | None, task: str) -> Mapping[str, int]:
    """The task's weights: the rule's, or the configured prior before the first rule."""
    if rule is not None:
        return rule.weights
    return {name: round(share * MILLION) for name, share in settings.prior(task).items()}


def propensities(eligible: Sequence[str], weighed: Mapping[str, int]) -> dict[str, float]:
    """Each eligible model's probability of being chosen; equal ones if none has any weight."""
    total = sum(weighed.get(name, 0) for name in eligible)
    if total == 0:
        return {name: 1 / len(eligible) for name in eligible}
    return {name: weighed.get(name, 0) / total for name in eligible}


def choose(task: str, epoch: int, key: str, chances: Mapping[str, float]) -> str:
    """The model that wins the rendezvous of ``key``; ``chances`` must not be empty."""
    # One hash state of what all models share, copied: 18 against 32 us for 100 models. Of models
    # with equal chances the largest hash scores highest, so a logarithm is taken once for them.
    shared = blake2b(f"{task}\0{epoch}\0{key}\0".encode("utf-8", "surrogatepass"), digest_size=8)
    largest: dict[float, tuple[bytes, str]] = {}
    for model in sorted(chances):
        state = shared.copy()
        state.update(model.encode("utf-8", "surrogatepass"))
        digest, chance = state.digest(), chances[model]
        if chance not in largest or digest > largest[chance][0]:
            largest[chance] = (digest, model)

    def score(chance: float) -> float:
        uniform = ((int.from_bytes(largest[chance][0]) >> 12) + 0.5) / 2**52  # never 0 or 1
        return -chance / math.log(uniform)

    return largest[max(largest, key=score)][1]


def decide(
    settings: Settings,
    table: Table,
    query: Query,
    task: str,
    tried: Sequence[str],
    *,
    now_ms: int,
) -> Decision | Refusal:
    """The decision for a query whose task is known.

    Args:
        settings: the candidates and the prior.
        table: rules and health.
        query: what is asked.
        task: one that ``task_problem`` has passed.
        tried: models that have failed this query in the present round.
        now_ms: Unix time in milliseconds, noted in the decision.
    """
    plan = _plan(settings, table, query, task, tried)
    rule, eligible, chances = plan.rule, plan.eligible, plan.chances
    if not plan.possible:
        return Refusal("no_model", f"no model can serve this query for task {task!r}")
    if not eligible:
        names = ", ".join(plan.possible)
        return Refusal("no_model", f"none of {names} can take it now", waits=True)
    epoch = rule.epoch if rule else 0
    model = choose(task, epoch, query.session or query.query_id, chances)
    kind = _kind(rule, eligible, tried, model)
    return Decision(
        model=model,
        task=task,
        kind=kind,
        eligible=eligible,
        propensities=chances,
        rule_version=rule.version if rule else 0,
        reason=f"{kind}: {rule.reason}" if rule else f"{kind}: no rule yet, the prior",
        decided_at=now_ms,
    )


def _plan(settings: Settings, table: Table, query: Query, task: str, tried: Sequence[str]) -> _Plan:
    rule = table.rules.get(task)
    usual = query.models is None and not tried and not is_demanding(query)
    if usual and (known := table.plans.get((task, query.any_space))) and known.rule is rule:
        return known
    possible = capable(settings, query, task)
    excluded = _excluded(settings, rule, task)
    eligible = [
        name
        for name in possible
        if name not in table.unhealthy and name not in tried and name not in excluded
    ]
    chances = propensities(eligible, weights(settings, rule, task))
    plan = _Plan(rule, possible, eligible, chances)
    if usual:
        table.plans[task, query.any_space] = plan
    return plan


def shadow(
    settings: Settings, table: Table, query: Query, task: str, *, now_ms: int
) -> Decision | None:
    """The decision for a copy of an embedding query, to try a model of another vector space.

    Such a model can't answer the query itself, and without being tried it would never be known.
    ``routing.exploration`` of the queries that stay in one space are copied, by the hash of the
    query's id, each to one other candidate in equal parts. The copy's answer is graded, and goes
    to nobody: its query id ends in ``SHADOW``.
    """
    if settings.tasks[task].needs != "embedding" or query.any_space or query.models:
        return None
    home, rule = set(capable(settings, query, task)), table.rules.get(task)
    away = set(settings.candidates(task)) - home - table.unhealthy - _excluded(settings, rule, task)
    share = settings.routing.exploration
    if (
        len(query.query_id) > LONGEST_SHADOWED
        or not away
        or share <= 0
        or (rule is not None and (rule.pinned or rule.frozen))
    ):
        return None
    each = share / len(away)
    chances = {**dict.fromkeys(sorted(away), each), "": 1 - share}
    model = choose(task, 0, query.query_id + SHADOW, chances)
    if not model:
        return None
    return Decision(
        model=model,
        task=task,
        kind="shadow",
        eligible=sorted(away),
        propensities=dict.fromkeys(sorted(away), each),
        rule_version=rule.version if rule else 0,
        reason="shadow: a copy, to try a model of another vector space",
        decided_at=now_ms,
    )


def _excluded(settings: Settings, rule: RoutingRule | None, task: str) -> frozenset[str]:
    """The models taken out; none when that would leave no candidate, as the rule says too."""
    excluded = frozenset(rule.excluded if rule else ())
    if not excluded:  # the usual case, and on every query's way
        return excluded
    return excluded if set(settings.candidates(task)) - excluded else frozenset()


def _kind(
    rule: RoutingRule | None, eligible: Sequence[str], tried: Sequence[str], model: str
) -> DecisionKind:
    if tried:
        return "reroute"
    if rule is not None and rule.pinned == model:
        return "pin"
    return "forced" if len(eligible) == 1 else "policy"
