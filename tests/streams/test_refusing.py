"""Names that clients choose: however many there are, a window stays small."""

from __future__ import annotations

import tracemalloc

import pytest

from agents.merging import MOST_WAITING, RuleFold
from schemas.metric import Metric
from schemas.tick import Tick
from schemas.window_score import WindowScore
from schemas.wire import encode
from streams.refusing import MOST_MODELS, MOST_POOLS, MOST_TASKS, LimitError
from streams.sections import Windows
from streams.windows import WindowFold

RECORD_BYTES = 1_000_000
GROWN_BYTES = 2_000_000
NOW = 1_000_000


def _metric(number: int, field: str, name: str) -> Metric:
    fields = {"model": "only", "task": "code", "grader": "g", "session": None, "pool": None}
    return Metric(
        query_id=str(number),
        attempt=1,
        kind="judgement",
        accuracy=1.0,
        decided_at=0,
        observed_at=NOW,
        **{**fields, field: name},  # type: ignore[arg-type]
    )


def _flooded(field: str, count: int, width: int = 0) -> tuple[list[WindowScore], int, int]:
    """The parts of a window with so many names, the metrics refused, and bytes grown."""
    windows = Windows(horizon_s=0.001)
    fold = WindowFold(partition=0, partitions=1, tasks=["code"], windows=windows)
    refused = 0
    tracemalloc.start()
    for number in range(count):
        try:
            fold.fold(number, NOW + number, _metric(number, field, f"{number} " + "\x00" * width))
        except LimitError:
            refused += 1
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    end = NOW + count + 600_000
    return fold.fold(count, end, Tick(ticked_at=end)), refused, grown


@pytest.mark.parametrize(
    ("field", "held"),
    [("model", MOST_MODELS), ("task", MOST_TASKS), ("pool", MOST_POOLS), ("session", 20_000)],
)
def test_distinct_names_without_end(field: str, held: int) -> None:
    parts, refused, grown = _flooded(field, 20_000)
    assert refused == 20_000 - held
    assert grown < GROWN_BYTES
    assert max(len(encode(part)) for part in parts) < RECORD_BYTES


def test_the_longest_names_fit_into_a_record() -> None:
    for field in ("model", "pool"):
        parts, _, _ = _flooded(field, 2000, width=240)
        assert 50_000 < max(len(encode(part)) for part in parts) < RECORD_BYTES


def test_the_tuner_remembers_a_bounded_number_of_tasks_that_nobody_configured() -> None:
    fold = RuleFold()
    for number in range(5 * MOST_WAITING):
        score = WindowScore(
            task=f"t{number}", partition=0, partitions=1, window_start_at=1, window_end_at=2
        )
        assert list(fold.score(number, score)) == []
    assert len(fold.standings()) == MOST_WAITING
