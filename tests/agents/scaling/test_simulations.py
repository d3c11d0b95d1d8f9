"""The simulations run, small, and what they time grows as it should: counted, not timed."""

from __future__ import annotations

from itertools import count

import msgspec
import pytest

from agents.health import Health
from agents.merging import RuleFold
from agents.scaling import timing
from agents.scaling.learning import learning
from agents.scaling.measured import HealthRow, LearningRow, TunerRow
from agents.scaling.sizes import settings
from schemas.window_score import WindowScore
from schemas.wire import decode

TICKS = count()


def _clock() -> float:
    return float(next(TICKS))


def test_a_row_for_each_size() -> None:
    tuned = msgspec.convert(timing.tuning([(4, 2, 3), (2, 3, 2)], _clock), list[TunerRow])
    assert [(row.partitions, row.tasks, row.models) for row in tuned] == [(4, 2, 3), (2, 3, 2)]
    assert tuned[0].pane_ms == 1000.0
    assert tuned[0].us_per_part == 1e6 / 8
    heard = msgspec.convert(timing.hearing([3, 5], _clock), list[HealthRow])
    assert [row.workers for row in heard] == [3, 5]


@pytest.mark.parametrize("run", [timing.skipping, timing.watching, timing.indexing])
def test_the_others_have_their_figures(run: object) -> None:
    assert callable(run)
    assert all(value > 0 for value in run(_clock).values())


def test_partitions_dont_change_what_is_learned_and_lateness_does() -> None:
    rows = msgspec.convert(
        learning(seeds=3, partitions=(1, 3), late_panes=(0, 16)), list[LearningRow]
    )
    one, three, late = rows
    assert (one.partitions, three.partitions, late.late_panes) == (1, 3, 16)
    assert one.accuracy == three.accuracy
    assert late.accuracy < one.accuracy


def test_the_tuners_work_grows_with_the_parts_and_no_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = count()
    plain = RuleFold._closed_until

    def counted(self: RuleFold, *given: object) -> int:
        next(looks)
        return plain(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(RuleFold, "_closed_until", counted)
    partitions, tasks = 64, 2
    fold = timing.started(settings(2, tasks))
    offsets = count()
    for number in (1, 2, 3):
        before = next(looks)
        for value in timing.pane(number, partitions, tasks, 2):
            list(fold.score(next(offsets), decode(WindowScore, value)))
        # A look at one partition for each task with each part, and twice round at the end.
        assert next(looks) - before <= (tasks + 3) * partitions * tasks


def test_no_query_and_no_report_that_tells_nothing_new_looks_at_every_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = count()
    plain = Health._look

    def counted(self: Health, now_s: float) -> tuple[float, frozenset[str]]:
        next(looks)
        return plain(self, now_s)

    monkeypatch.setattr(Health, "_look", counted)
    timing.hearing([50], _clock)
    asked_for = timing.MANY // 50
    assert next(looks) <= asked_for + 1  # of 40,000 queries and reports, the first
