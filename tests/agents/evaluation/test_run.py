"""Playing draws: determinism, learning, windows, and that nothing leaks to the router."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from agents.evaluation import loop as loop_module
from agents.evaluation.columns import OutcomesError
from agents.evaluation.course import Run
from agents.evaluation.draws import Arrivals
from agents.evaluation.figures import figures, quantile
from agents.evaluation.loop import Loop
from agents.evaluation.outcomes import Outcomes
from agents.evaluation.plan import Plan
from agents.evaluation.run import measure_seed, measure_seeds, play
from schemas.metric import Metric
from schemas.query import Query
from schemas.tick import Tick
from streams.settings import Task
from tests.agents.evaluation.recorded import outcomes, plan, settings, steady

WORLD = outcomes({"x": steady(300, a=0.9, b=0.5, c=0.1), "y": steady(300, a=0.1, b=0.9, c=0.5)})


def wide(world: Outcomes = WORLD, **changes: Any) -> Plan:
    """Windows of 40 in four panes."""
    return plan(world, **{"window_queries": 40, "base": settings(), **changes})


def course(run: Run) -> tuple[list[int], list[list[float]], list[Any]]:
    """All that can be compared."""
    return run.chosen.tolist(), run.shares.tolist(), list(run.rules)


def test_a_seed_gives_the_same_run_every_time() -> None:
    assert course(play(wide(), 5)) == course(play(wide(), 5))
    assert course(play(wide(), 5)) != course(play(wide(), 6))


def test_it_learns_each_tasks_best() -> None:
    found = figures(wide(), [measure_seed(wide(), seed) for seed in range(5)], 0.0)
    assert found["uniform"] == pytest.approx(0.5)
    assert found["best_per_task"] == pytest.approx(0.9)
    assert found["accuracy"] > 0.8
    assert found["accuracy_last_two_thirds"] > 0.85


def test_static_is_uniform() -> None:
    runs = [measure_seed(wide(policy="static"), seed) for seed in range(5)]
    assert figures(wide(policy="static"), runs, 0.0)["accuracy"] == pytest.approx(0.5, abs=0.04)


def test_a_window_holds_so_many_queries_and_the_first_is_uniform() -> None:
    world = outcomes({"x": steady(20, a=1, b=0)})
    run = play(plan(world, window_queries=8), 0)
    assert [rule.at for rule in run.rules] == [0, 8000, 16000]
    assert run.shares[:8, 0].tolist() == [0.5] * 8
    assert (run.shares[8:, 0] > 0.5).all()


def test_panes_make_rules_in_between() -> None:
    world = outcomes({"x": steady(20, a=1, b=0)})
    run = play(plan(world, window_queries=8, base=settings(windows_panes=4)), 0)
    assert [rule.at for rule in run.rules][:4] == [0, 2000, 4000, 6000]


def changed(world: Outcomes, rows: Mapping[tuple[int, int], float]) -> Outcomes:
    """The world with other grades."""
    correct = world.answers.correct.copy()
    for place, grade in rows.items():
        correct[place] = grade
    return replace(world, answers=replace(world.answers, correct=correct))


def test_models_that_were_not_chosen_may_have_answered_anything() -> None:
    first = play(wide(), 1)
    order = np.random.default_rng(1).permutation(len(WORLD.keys))
    others = {
        (int(order[number]), column): 1 - WORLD.answers.correct[order[number], column]
        for number, model in enumerate(first.chosen)
        for column in range(3)
        if column != model
    }
    assert course(play(wide(changed(WORLD, others)), 1)) == course(first)


def test_an_outcome_changes_nothing_before_its_window_has_closed() -> None:
    first = play(wide(base=settings(windows_panes=1)), 1)
    order = np.random.default_rng(1).permutation(len(WORLD.keys))
    number = 5  # in the window of 0 to 39
    place = (int(order[number]), int(first.chosen[number]))
    other = changed(WORLD, {place: 1 - float(WORLD.answers.correct[place])})
    second = play(wide(other, base=settings(windows_panes=1)), 1)
    assert first.shares[:40].tolist() == second.shares[:40].tolist()
    assert first.chosen[:40].tolist() == second.chosen[:40].tolist()
    assert first.shares[40:].tolist() != second.shares[40:].tolist()


def test_the_loop_is_given_queries_and_metrics_and_knows_no_outcomes() -> None:
    kinds = {
        name: [p.annotation for p in inspect.signature(method).parameters.values()][1:]
        for name, method in inspect.getmembers(Loop, inspect.isfunction)
        if name in {"__init__", "ask", "tell"}
    }
    assert kinds == {
        "__init__": ["Settings"],
        "ask": ["Query", "int"],
        "tell": ["Metric | Tick"],
    }
    imported = inspect.getsource(loop_module)
    assert "agents.evaluation" not in imported


class Recorder(Loop):
    """Keeps what it is told."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.settings)
        self.told: list[Metric | Tick] = []
        self.asked: list[Query] = []

    def ask(self, query: Query, asked_at: int) -> Any:
        """Notes it."""
        self.asked.append(query)
        return super().ask(query, asked_at)

    def tell(self, event: Metric | Tick) -> None:
        """Notes it."""
        self.told.append(event)
        super().tell(event)


def recorded(monkeypatch: pytest.MonkeyPatch, given: Plan, seed: int) -> tuple[Recorder, Run]:
    """A run, and what the loop heard."""
    heard = Recorder(given)
    monkeypatch.setattr("agents.evaluation.run.Loop", lambda _: heard)
    return heard, play(given, seed)


def test_what_the_loop_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    world = outcomes({"x": {"a": [0.25] * 6, "b": [0.75] * 6}}, {"a": 2.0, "b": 3.0})
    heard, run = recorded(monkeypatch, plan(world), 2)
    empty = msgspec.structs.asdict(Query(query_id="", task="x", prompt=""))
    assert [msgspec.structs.asdict(query) | {"query_id": ""} for query in heard.asked] == [
        empty
    ] * 6
    metrics = [event for event in heard.told if isinstance(event, Metric)]
    assert [metric.kind for metric in metrics] == ["outcome", "judgement"] * 6
    for number, model in enumerate(run.chosen):
        outcome, judgement = metrics[2 * number : 2 * number + 2]
        assert outcome.model == judgement.model == world.models[model]
        assert outcome.response_time_s == (2.0, 3.0)[model]
        assert judgement.accuracy == (0.25, 0.75)[model]
        assert outcome.propensity == run.shares[number, model]
        assert outcome.observed_at == number * 1000


def test_without_a_response_time_there_is_only_a_judgement(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, _ = recorded(monkeypatch, plan(outcomes({"x": {"a": [1.0], "b": [0.0]}})), 0)
    assert [e.kind for e in heard.told if isinstance(e, Metric)] == ["judgement"]


def test_processes_make_no_difference() -> None:
    given = wide(policy="greedy")
    alone, shared = (list(measure_seeds(given, range(3), processes)) for processes in (1, 2))
    assert [one.figures for one in alone] == [one.figures for one in shared]
    assert [one.curves.shares.tolist() for one in alone] == [
        one.curves.shares.tolist() for one in shared
    ]


def test_arrivals_size_the_windows() -> None:
    gaps = np.tile([0.1, 0.3], 300)
    times = np.cumsum(gaps)
    given = wide(arrivals=Arrivals(recorded_s=times))
    assert given.size_ms == pytest.approx(40 * 200, rel=0.01)
    assert wide(arrivals=Arrivals(rate=2.0)).size_ms == 20_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"objective": "inverse-latency"},
            "objective inverse-latency needs latency_s, and 1800 of",
        ),
        ({"objective": "balanced"}, "objective balanced needs"),
        ({"policy": "seed"}, "policy seed needs"),
    ],
)
def test_what_needs_latency_is_refused_without(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(OutcomesError, match=reason):
        wide(**changes)


def test_balanced_without_a_weight_on_latency_needs_none() -> None:
    assert wide(objective="balanced", base=settings(routing_latency_weight=0))


def test_a_tasks_latency_target_is_the_settings_own() -> None:
    base = msgspec.structs.replace(settings(), tasks={"x": Task(latency_target_s=3.0)})
    tasks = wide(base=base).settings.tasks
    assert (tasks["x"].latency_target_s, tasks["y"].latency_target_s) == (3.0, 10.0)


@pytest.mark.parametrize(
    ("values", "q", "found"),
    [
        ([], 0.5, None),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([4.0, 1.0, 2.0, 3.0], 0.5, 2.0),
        ([float(n) for n in range(1, 11)], 0.9, 9.0),
        ([1.0, float("inf")], 0.9, None),
        ([1.0, float("inf")], 0.5, 1.0),
    ],
)
def test_quantiles(values: list[float], q: float, found: float | None) -> None:
    assert quantile(values, q) == found
