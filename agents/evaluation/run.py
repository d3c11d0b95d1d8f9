"""Playing draws through the loop: one after another, or in several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

from agents.evaluation.course import Rule, Run
from agents.evaluation.draws import Draw, draw
from agents.evaluation.loop import Loop
from agents.evaluation.measures import Measured, measure
from agents.evaluation.metrics import metrics
from agents.evaluation.plan import Plan
from schemas.assignment import Decision
from schemas.query import Query
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick

AT_ONCE = 4
"""Seeds handed to a process at a time."""


def play(plan: Plan, seed: int) -> Run:
    """Deals the seed's draw to a cold loop, query by query."""
    dealt = draw(plan.outcomes, plan.shift, plan.arrivals, seed)
    loop = Loop(plan.settings)
    columns = {name: column for column, name in enumerate(plan.outcomes.models)}
    chosen = np.zeros(len(dealt.asked), dtype=np.int64)
    shares = np.zeros(dealt.answers.correct.shape)
    for number, (at, query) in enumerate(dealt.queries()):
        loop.tell(Tick(ticked_at=at))
        decision = loop.ask(query, at)
        chosen[number] = columns[decision.model]
        for name, share in decision.propensities.items():
            shares[number, columns[name]] = share
        _tell(loop, dealt, number, query, decision, columns[decision.model])
    return Run(dealt, chosen, shares, [_rule(rule) for rule in loop.published()])


def _tell(
    loop: Loop, dealt: Draw, number: int, query: Query, decision: Decision, column: int
) -> None:
    """Only here does an outcome reach the loop: the chosen model's, as its metrics."""
    answers = dealt.answers
    for metric in metrics(
        query.query_id,
        decision,
        float(answers.correct[number, column]),
        float(answers.latency_s[number, column]),
        float(answers.cost_usd[number, column]),
    ):
        loop.tell(metric)


def _rule(rule: RoutingRule) -> Rule:
    total = sum(rule.weights.values())
    return Rule(
        rule.task,
        rule.window_end_at,
        {name: weight / total for name, weight in rule.weights.items()},
    )


def measure_seed(plan: Plan, seed: int) -> Measured:
    """How one draw went."""
    return measure(plan, play(plan, seed))


def measure_seeds(plan: Plan, seeds: Sequence[int], processes: int) -> Iterator[Measured]:
    """How each draw went, in the order of the seeds; the same for any number of processes."""
    one = partial(measure_seed, plan)
    if processes <= 1:
        yield from map(one, seeds)
        return
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawning) as pool:
        yield from pool.map(one, seeds, chunksize=AT_ONCE)
