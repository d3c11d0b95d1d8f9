"""Names that clients choose: however many there are, a window stays small."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from agents.merging import MOST_WAITING, RuleFold
from schemas.metric import Metric
from schemas.tick import Tick
from schemas.window_score import WindowScore
from schemas.wire import encode
from streams.refusing import MOST_TASKS, LimitError
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


def outcome(model: str, query_id: str, seconds: float) -> Metric:
    return Metric(
        query_id=query_id,
        attempt=1,
        model=model,
        task="code",
        kind="outcome",
        ok=True,
        response_time_s=seconds,
        prompt_tokens=1000,
        completion_tokens=1000,
        decided_at=0,
        observed_at=NOW,
    )


def filled(parts: list[WindowScore]) -> WindowScore:
    (part,) = (part for part in parts if part.models)
    return part


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
    [("model", (500, 3000)), ("task", (MOST_TASKS, MOST_TASKS)), ("pool", (3000, 8000))],
)
def test_distinct_names_without_end(field: str, held: tuple[int, int]) -> None:
    parts, refused, grown = _flooded(field, 20_000)
    assert held[0] <= 20_000 - refused <= held[1]
    assert grown < GROWN_BYTES
    assert max(len(encode(part)) for part in parts) < RECORD_BYTES


def test_sessions_are_in_no_table() -> None:
    _, refused, grown = _flooded("session", 20_000)
    assert refused == 0
    assert grown < GROWN_BYTES


def test_the_longest_names_fit_into_a_record() -> None:
    for field in ("model", "pool"):
        parts, refused, _ = _flooded(field, 2000, width=240)
        assert refused
        assert 500_000 < max(len(encode(part)) for part in parts) < RECORD_BYTES


def test_two_hundred_models_of_a_task_have_room_for_their_times() -> None:
    windows = Windows()
    fold = WindowFold(partition=0, partitions=1, tasks=["code"], windows=windows)
    draw = random.Random(1)
    for number in range(40_000):
        metric = outcome(f"model-{number % 200}", str(number), draw.lognormvariate(0, 0.7))
        fold.fold(number, NOW + number // 1000, metric)
    part = filled(fold.fold(40_000, NOW + 600_000, Tick(ticked_at=NOW + 600_000)))
    assert sum(summary.outcomes for summary in part.models.values()) == 40_000
    assert len(part.models) == 200


def test_response_times_all_over_fit_into_a_record() -> None:
    fold = WindowFold(partition=0, partitions=1, tasks=["code"], windows=Windows())
    refused = 0
    for number in range(100_000):
        seconds = 10 ** (-6 + 15 * (number // 60 % 1500) / 1500)
        metric = outcome(f"model-{number % 60}", str(number), seconds)
        try:
            fold.fold(number, NOW + number // 1000, metric)
        except LimitError:
            refused += 1
    part = filled(fold.fold(100_000, NOW + 600_000, Tick(ticked_at=NOW + 600_000)))
    assert refused
    assert 400_000 < len(encode(part)) < RECORD_BYTES


def test_the_tuner_remembers_a_bounded_number_of_tasks_that_nobody_configured() -> None:
    fold = RuleFold()
    for number in range(5 * MOST_WAITING):
        score = WindowScore(
            task=f"t{number}", partition=0, partitions=1, window_start_at=1, window_end_at=2
        )
        assert list(fold.score(number, score)) == []
    assert len(fold.standings()) == MOST_WAITING
