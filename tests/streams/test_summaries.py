"""Summaries: exact sums in whatever order, and merging that is a commutative monoid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.metric import Metric
from schemas.window_score import ModelSummary, PoolSummary, WindowScore
from schemas.wire import INT_MAX, decode, encode
from streams import latency, summaries
from streams.summaries import Tally, bucket_of, merge

counts = st.one_of(st.integers(0, 10**9), st.integers(INT_MAX - 5, INT_MAX))
NAMES = [name for name in ModelSummary.__struct_fields__ if name not in ("latency", "pools")]
pools = st.builds(PoolSummary, trust_micro=counts, accuracy_micro=counts)
model_summaries = st.builds(
    ModelSummary,
    latency=st.dictionaries(st.integers(-700, 700), st.integers(0, 9), max_size=4),
    pools=st.dictionaries(st.sampled_from(["", "a", "b"]), pools),
    **dict.fromkeys(NAMES, counts),
)


def outcome(
    *, ok: bool = True, error: str | None = None, seconds: float = 0.5, cost: float | None = None
) -> Metric:
    """An attempt's outcome."""
    return Metric(
        query_id="q",
        attempt=1,
        model="a",
        task="code",
        kind="outcome",
        ok=ok,
        error=error,  # type: ignore[arg-type]
        response_time_s=seconds,
        prompt_tokens=7,
        completion_tokens=11,
        cost_usd=cost,
        decided_at=0,
        observed_at=0,
    )


def judgement(accuracy: float, trust: float = 1.0) -> Metric:
    """A grade."""
    return Metric(
        query_id="q",
        attempt=1,
        model="a",
        task="code",
        kind="judgement",
        grader="exact",
        accuracy=accuracy,
        trust=trust,
        decided_at=0,
        observed_at=0,
    )


metrics = st.one_of(
    st.builds(
        outcome,
        ok=st.booleans(),
        seconds=st.floats(0, 1e4),
        cost=st.none() | st.floats(0, 10),
    ),
    st.builds(judgement, st.floats(0, 1), st.floats(0, 1)),
)


def tally(folded: list[Metric]) -> ModelSummary:
    """The summary of these."""
    tally = Tally()
    for one in folded:
        tally.add(one, bucket_of(one))
    return tally.summary()


@given(st.lists(model_summaries, min_size=3, max_size=3))
def test_merging_is_associative_and_commutative(parts: list[ModelSummary]) -> None:
    a, b, c = parts
    assert merge([merge([a, b]), c]) == merge([a, merge([b, c])]) == merge([c, b, a])


@given(model_summaries)
def test_an_empty_summary_is_the_identity(summary: ModelSummary) -> None:
    assert merge([summary, ModelSummary()]) == merge([summary]) == summary
    assert merge([]) == ModelSummary()


@given(st.lists(metrics, max_size=12), st.randoms(use_true_random=False))
def test_no_order_matters(folded: list[Metric], random: object) -> None:
    shuffled = list(folded)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert tally(shuffled) == tally(folded)


@given(st.lists(st.lists(metrics, max_size=6), max_size=4))
def test_merging_parts_is_folding_all(parts: list[list[Metric]]) -> None:
    together = [one for part in parts for one in part]
    assert merge(map(tally, parts)) == tally(together)


def test_an_answer() -> None:
    assert tally([outcome(cost=0.002)]) == ModelSummary(
        outcomes=1,
        response_time_us=500_000,
        latency={latency.bucket(0.5): 1},
        prompt_tokens=7,
        completion_tokens=11,
        cost_nano=2_000_000,
    )


@pytest.mark.parametrize(
    ("error", "timeouts"), [("timeout", 1), ("deadline", 1), ("server_error", 0), ("rejected", 0)]
)
def test_a_failure_counts_with_its_time(error: str, timeouts: int) -> None:
    summary = tally([outcome(ok=False, error=error, seconds=120)])
    assert (summary.outcomes, summary.errors, summary.timeouts) == (1, 1, timeouts)
    assert summary.response_time_us == 120_000_000
    assert summary.latency == {latency.bucket(120): 1}


def test_grades_are_weighed_by_trust() -> None:
    summary = tally([judgement(1.0), judgement(0.5, trust=0.4)])
    assert summary.judgements == 2
    assert summary.trust_micro == 1_400_000
    assert summary.accuracy_micro == 1_200_000
    assert summary.accuracy_square_micro == 1_100_000
    assert summaries.accuracy(summary) == pytest.approx(1.2 / 1.4)


def test_nothing_is_unknown_and_not_zero() -> None:
    assert summaries.accuracy(ModelSummary()) is None


def test_an_absurd_metric_does_not_make_a_part_that_nobody_can_read() -> None:
    absurd = tally([outcome(seconds=1e300, cost=1e300), outcome()])
    for summary in (absurd, merge([absurd, absurd])):
        part = WindowScore(
            task="code",
            partition=0,
            partitions=1,
            window_start_at=0,
            window_end_at=1,
            models={"a": summary},
        )
        assert decode(WindowScore, encode(part)) == part
