"""What one source of feedback can do to a rule, however often and under however many names."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.allowance import bounded
from agents.evaluation.loop import Loop
from agents.rebuilding import rebuild
from agents.tuning import Orders, next_rule
from schemas.metric import Metric
from schemas.routing_rule import Inputs, RoutingRule
from schemas.tick import Tick
from schemas.window_score import ModelSummary, PoolSummary
from schemas.wire import MILLION, decode, encode
from streams.settings import Feedback, Model, Routing, Settings, Task
from streams.summaries import Tally, merge
from tests.agents.rebuild_world import SETTINGS, World
from tests.agents.rule_parts import MODELS, configuration, window

PANE_MS = 15_000
LIMIT = 3
ATTACK = 10_000

counts = st.integers(0, 60)
rates = st.floats(0, 1)


def graded(
    count: int, rate: float, pools: Mapping[str, tuple[int, float]] | None = None
) -> ModelSummary:
    """So many honest grades of this mean, and of feedback by pool, each of weight 1."""
    rows = {
        name: PoolSummary(trust_micro=n * MILLION, accuracy_micro=round(n * mean * MILLION))
        for name, (n, mean) in (pools or {}).items()
    }
    return ModelSummary(
        outcomes=count,
        trust_micro=count * MILLION + sum(row.trust_micro for row in rows.values()),
        accuracy_micro=round(count * rate * MILLION)
        + sum(row.accuracy_micro for row in rows.values()),
        pools=rows,
    )


@given(
    honest=st.fixed_dictionaries({name: st.tuples(counts, rates) for name in MODELS}),
    pools=st.dictionaries(
        st.sampled_from(["", "ci"]), st.tuples(st.integers(1, 2 * ATTACK), rates), max_size=2
    ),
    limit=st.integers(0, 5_000_000),
)
def test_a_pool_weighs_no_more_than_its_limit_and_keeps_its_mean(
    honest: dict[str, tuple[int, float]], pools: dict[str, tuple[int, float]], limit: int
) -> None:
    models = {name: graded(*honest[name], pools) for name in MODELS}
    after = bounded(models, limit)
    for pool, (count, mean) in pools.items():
        weight = sum(summary.pools[pool].trust_micro for summary in after.values())
        reward = sum(summary.pools[pool].accuracy_micro for summary in after.values())
        assert weight <= max(0, min(limit, 3 * count * MILLION))
        assert weight >= min(limit, 3 * count * MILLION) - 3, "rounding alone takes more"
        assert abs(reward - mean * weight) <= 6
    for name in MODELS:
        kept = after[name]
        others = kept.trust_micro - sum(pool.trust_micro for pool in kept.pools.values())
        assert others == honest[name][0] * MILLION, "what isn't feedback stays"
        assert 0 <= kept.accuracy_micro <= kept.trust_micro


def test_few_honest_scores_count_as_they_are() -> None:
    models = {
        "a": graded(5, 0.8, {"ci": (2, 1.0)}),
        "b": graded(0, 0.0, {"ci": (1, 0.0), "x": (3, 0.5)}),
    }
    assert bounded(models, 3 * MILLION) is models


def rule_after(
    before: RoutingRule | None, models: dict[str, ModelSummary], number: int
) -> RoutingRule:
    tuned = configuration(
        panes=4, largest_step=0.4, exploration=0.02, sharpness=6.0, detection=True
    )
    return next_rule(tuned, Orders(), before, window(number, models), Inputs())


@given(
    honest=st.fixed_dictionaries({name: st.tuples(st.integers(70, 200), rates) for name in MODELS}),
    target=st.sampled_from(MODELS),
    pool=st.sampled_from(["", "ci"]),
)
def test_ten_thousand_perfect_scores_move_a_rule_as_far_as_three(
    honest: dict[str, tuple[int, float]], target: str, pool: str
) -> None:
    """X of docs/grading.md: a pane's part of ``largest_step``, for a model that hasn't fallen."""
    before = rule_after(None, {name: graded(*honest[name]) for name in MODELS}, 0)
    flood = {name: graded(0, 0.0) for name in MODELS}
    flood[target] = graded(0, 0.0, {pool: (ATTACK, 1.0)})
    three = flood | {target: graded(LIMIT, 1.0)}
    attacked, honestly = rule_after(before, flood, 1), rule_after(before, three, 1)
    assert attacked.weights == honestly.weights
    assert attacked.state.models[target].trials_micro == (honest[target][0] + LIMIT) * MILLION
    moved = attacked.weights[target] - before.weights[target]
    assert moved <= 0.4 / 4 * MILLION + 1
    count, rate = honest[target]
    old = (count * rate + 1) / (count + 2)
    new = (attacked.state.models[target].reward_micro / MILLION + 1) / (count + LIMIT + 2)
    assert new - old <= LIMIT / (count + LIMIT + 2) + 1e-6


@given(
    honest=st.fixed_dictionaries({name: st.tuples(st.integers(70, 200), rates) for name in MODELS}),
    target=st.sampled_from(MODELS),
)
def test_ten_thousand_zeros_in_one_pane_raise_no_alarm(
    honest: dict[str, tuple[int, float]], target: str
) -> None:
    before = rule_after(None, {name: graded(*honest[name]) for name in MODELS}, 0)
    flood = {name: graded(0, 0.0) for name in MODELS}
    flood[target] = graded(0, 0.0, {"ci": (ATTACK, 0.0)})
    after = rule_after(before, flood, 1)
    assert after.state.alarm_window == before.state.alarm_window
    assert before.weights[target] - after.weights[target] <= 0.4 / 4 * MILLION + 1


MODELS_OF = {
    name: Model(endpoint=f"http://{name}:80", protocol="tgi", serves=["chat"]) for name in MODELS
}
LIVE = Settings(models=MODELS_OF, tasks={"code": Task()}, routing=Routing(default_task="code"))
TRUTH = {"a": 0.9, "b": 0.8, "c": 0.3}


def judgement(number: int, model: str, at: int, accuracy: float, **fields: object) -> Metric:
    made = {"query_id": f"q{number}", "attempt": 1, "model": model, "task": "code"}
    times = {"decided_at": at, "observed_at": at}
    return msgspec.convert(
        {"type": "metric", "kind": "judgement", "grader": "exact", "accuracy": accuracy}
        | made
        | times
        | fields,
        Metric,
    )


def honest_pane(number: int) -> Iterator[Metric]:
    """40 graded answers in this pane, evenly over the models."""
    seeded = random.Random(number)
    for index in range(40):
        model = MODELS[index % 3]
        right = float(seeded.random() < TRUTH[model])
        yield judgement(1000 * number + index, model, number * PANE_MS + index, right)


def rules_under(attack: list[Metric]) -> list[RoutingRule]:
    """The rules of 12 panes through production's windows and tuner, with more in the last one."""
    loop = Loop(LIVE)
    for number in range(1, 13):
        for metric in honest_pane(number):
            loop.tell(metric)
        for metric in attack if number == 12 else ():
            loop.tell(metric)
        loop.tell(Tick(ticked_at=(number + 1) * PANE_MS + 2000))
    return loop.published()


@pytest.mark.parametrize("by", ["one source", "ten thousand names"])
def test_an_attack_through_the_windows_counts_as_three_answers(by: str) -> None:
    at = 12 * PANE_MS + 100
    flood = [
        judgement(
            900_000 + number,
            "c",
            at,
            1.0,
            grader="feedback:x" if by == "one source" else f"feedback:{number}",
            pool="",
        )
        for number in range(ATTACK)
    ]
    three = [judgement(800_000 + number, "c", at, 1.0) for number in range(LIMIT)]
    attacked, honestly = rules_under(flood)[-1], rules_under(three)[-1]
    assert attacked.weights == honestly.weights
    assert attacked.state.models["c"] == honestly.state.models["c"]
    quiet = rules_under([])[-1]
    assert attacked.weights["c"] - quiet.weights["c"] < 0.1 * MILLION


class Rated(World):
    """A world whose grades are feedback, too much of it."""

    def _metric(self) -> Metric:
        metric = super()._metric()
        if metric.kind == "outcome" or metric.pool is not None:
            return metric
        pool = ("", "ci")[self._count % 2]
        return msgspec.structs.replace(metric, pool=pool, grader=f"feedback:{self._count % 5}")


async def test_a_rebuild_knows_what_was_allowed_when() -> None:
    world = Rated(seed=3, settings=SETTINGS)
    world.configure(feedback_per_window=2)
    world.run(40)
    world.kill_aggregator()
    world.kill_tuner()
    world.configure(feedback_per_window=1)
    world.run(40)
    counted = sum(one.trials_micro for one in world.log.rules()[-1].state.models.values())
    report = await rebuild(world.log, SETTINGS)
    assert (report.ok, report.difference) == (True, None)
    assert report.rules > 10
    assert counted % MILLION, "some of it was scaled down"


def test_summaries_keep_pools_apart_in_whatever_order() -> None:
    tallies = [Tally(), Tally()]
    for number, (pool, accuracy) in enumerate([("", 1.0), ("ci", 0.5), ("", 0.25), (None, 1.0)]):
        tallies[number % 2].add(judgement(number, "a", 1, accuracy, trust=0.5, pool=pool), None)
    first, second = (tally.summary() for tally in tallies)
    both = merge([first, second])
    assert both == merge([second, first])
    assert both.pools == {
        "": PoolSummary(trust_micro=MILLION, accuracy_micro=625_000),
        "ci": PoolSummary(trust_micro=500_000, accuracy_micro=250_000),
    }
    assert (both.trust_micro, both.accuracy_micro) == (2 * MILLION, 1_375_000)
    assert decode(ModelSummary, encode(both)) == both


def test_the_setting_reaches_the_rule() -> None:
    assert LIVE.routing_configuration("code").feedback_per_window == 12
    other = msgspec.structs.replace(LIVE, feedback=Feedback(per_source_per_window=5))
    assert other.routing_configuration("code").feedback_per_window == 5
