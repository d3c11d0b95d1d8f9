"""How well ``zeta whatif`` tells what other rules are worth, on recorded outcomes.

python -m tests.agents.whatif.measure outcomes.parquet --seeds 100

Each seed draws queries from the file with replacement, lets the loop (``World``) learn on them,
and asks of its log what a few targets were worth; the truth is known, since every model's answer
to every query is recorded. Slow: about 3 s a seed. Truths are
of the very queries of the log; ``covers_long_run`` is about all queries of the file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agents.evaluation.outcomes import Outcomes, read_outcomes
from agents.routing import propensities
from agents.whatif.choices import Choice
from agents.whatif.eligibility import Eligibility, read_eligibility
from agents.whatif.judging import Row, judge
from agents.whatif.reading import Question, read_past
from agents.whatif.rules_file import FixedRules
from agents.whatif.tables import Target
from schemas.query import Query
from streams.settings import Model, Routing, Settings, Task, Windows
from tests.agents.whatif.world import World

ESTIMATORS = ("ips", "snips", "dr")
Rates = Mapping[str, Mapping[str, float]]
Weights = Mapping[str, Mapping[str, float]]


def settings(outcomes: Outcomes, exploration: float) -> Settings:
    """Windows of 80 queries, as ``zeta evaluate`` has them."""
    return Settings(
        models={name: Model(protocol="tgi", serves=["chat"]) for name in outcomes.models},
        tasks={task: Task(candidates=list(outcomes.candidates[task])) for task in outcomes.tasks},
        routing=Routing(
            default_task=outcomes.tasks[0], objective="accuracy", exploration=exploration
        ),
        windows=Windows(size_s=8.0, panes=1, lateness_s=0.0, skew_s=60, horizon_s=60),
    )


def rates(outcomes: Outcomes) -> Rates:
    """Each model's mean grade, by task."""
    return {
        task: {
            model: float(outcomes.answers.correct[outcomes.rows_of(task), column].mean())
            for column, model in enumerate(outcomes.models)
            if model in outcomes.candidates[task]
        }
        for task in outcomes.tasks
    }


def played(outcomes: Outcomes, exploration: float, seed: int, count: int) -> World:
    """A log of so many decisions."""
    random = np.random.default_rng(seed)
    world = World(settings(outcomes, exploration))
    for number, row in enumerate(random.integers(0, len(outcomes.keys), count)):
        grades = dict(zip(outcomes.models, outcomes.answers.correct[row].tolist(), strict=True))
        task = outcomes.asked[row].task
        world.ask(Query(query_id=f"q{number}", task=task, prompt="-"), grades)
    return world


class Mixed:
    """The logged rules with a share of the traffic moved: near the log by its nature."""

    def __init__(self, name: str, share: float, other: Weights, eligibility: Eligibility) -> None:
        self.name = name
        self._share = share
        self._other = other
        self._eligibility = eligibility

    @property
    def tasks(self) -> list[str]:
        return sorted(self._other)

    def weights(self, choice: Choice) -> Mapping[str, float] | None:
        key = (choice.query_id, choice.model, choice.decided_at)
        logged, other = self._eligibility.decisions[key], self._other[choice.task]
        return {
            name: (1 - self._share) * chance + self._share * other.get(name, 0.0)
            for name, chance in logged.items()
        }


def newest_rules(world: World) -> Weights:
    """What ``zeta rules --json`` would print."""
    return {rule.task: dict(rule.weights) for rule in world.log.rules()}


def targets(world: World, known: Rates, eligibility: Eligibility) -> list[Target]:
    """Near the log, the rules of its end, the best models, and equal shares."""
    best = {task: {max(own, key=lambda name: own[name]): 1.0} for task, own in known.items()}
    equal = {task: dict.fromkeys(own, 1 / len(own)) for task, own in known.items()}
    return [
        Mixed("as logged, 2 % more tried", 0.02, equal, eligibility),
        Mixed("as logged, 5 % more tried", 0.05, equal, eligibility),
        Mixed("as logged, a fifth to the best", 0.2, best, eligibility),
        FixedRules("the newest rules", newest_rules(world)),
        FixedRules("the best alone", best),
        FixedRules("equal shares", equal),
    ]


def choice_of(world: World, number: int) -> Choice:
    """The world's own record of what it chose."""
    one = world.decisions[number]
    return Choice(
        query_id=f"q{number}",
        attempt=1,
        task=one.task,
        model=one.model,
        key="",
        decided_at=one.decided_at,
        rule_version=one.rule_version,
        propensity=one.propensity,
    )


def truths(world: World, known: Rates, target: Target, first: int) -> tuple[float, float]:
    """The target's worth on those very queries, and on all of the file's, from a decision on."""
    same, long_run = [], []
    for number in range(first, len(world.decisions)):
        decision, grades = world.decisions[number], world.grades[number]
        weights: Any = target.weights(choice_of(world, number))
        chances = propensities(decision.eligible, weights)
        same.append(sum(chance * (grades[name] or 0.0) for name, chance in chances.items()))
        own = known[decision.task]
        long_run.append(sum(chance * own[name] for name, chance in chances.items()))
    return float(np.mean(same)), float(np.mean(long_run))


@dataclass
class Tally:
    """What was seen of one target; a line of the output."""

    asked: int = 0
    truths: list[tuple[float, float]] = field(default_factory=list)
    answered: list[Row] = field(default_factory=list)

    def add(self, row: Row, true: tuple[float, float]) -> None:
        """Takes a seed's."""
        self.asked += 1
        if row.answers:
            self.answered.append(row)
            self.truths.append(true)

    def figures(self) -> dict[str, Any]:
        """Over the seeds that were answered."""
        found: dict[str, Any] = {"answered": len(self.answered), "of": self.asked}
        if self.answered:
            sizes = [row.effective_sample_size for row in self.answered]
            found["effective"] = round(float(np.mean(sizes)))
            found["truth"] = round(float(np.mean(self.truths)), 4)
            found |= {name: self._estimator(name) for name in ESTIMATORS}
        return found

    def _estimator(self, name: str) -> dict[str, float]:
        rows = [getattr(row, name) for row in self.answered]
        ends = np.array([[row.value, row.low, row.high] for row in rows])
        same, long_run = np.array(self.truths).T
        shares = {
            "bias": ends[:, 0] - same,
            "within_1_point": abs(ends[:, 0] - same) <= 0.01,
            "covers": (ends[:, 1] <= same) & (same <= ends[:, 2]),
            "covers_long_run": (ends[:, 1] <= long_run) & (long_run <= ends[:, 2]),
            "width": ends[:, 2] - ends[:, 1],
        }
        return {name: round(float(np.mean(values)), 4) for name, values in shares.items()}


def measure(given: argparse.Namespace) -> None:
    """Prints a line per target."""
    outcomes = read_outcomes(given.outcomes)
    known = rates(outcomes)
    tallies: dict[str, Tally] = {}
    for seed in range(given.seeds):
        count = given.warm_up + given.decisions
        world = played(outcomes, given.exploration, seed, count)
        from_at = world.decisions[given.warm_up].decided_at
        question = Question("accuracy", policies=given.policy, from_at=from_at)
        past, learnt = asyncio.run(read_past(world.log, world.settings, question))
        eligibility = asyncio.run(read_eligibility(world.log))
        for target in [*targets(world, known, eligibility), *learnt]:
            true = truths(world, known, target, given.warm_up)
            tallies.setdefault(target.name, Tally()).add(judge(past, target).all, true)
    for name, tally in tallies.items():
        print(json.dumps({"target": name, **tally.figures()}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("outcomes", type=Path)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--decisions", type=int, default=5000)
    parser.add_argument("--exploration", type=float, default=0.02)
    parser.add_argument("--policy", action="append", default=[])
    parser.add_argument("--warm-up", type=int, default=1000)
    measure(parser.parse_args())
