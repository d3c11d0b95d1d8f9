"""A file's name says what is in it; nothing else is taken for one."""

from __future__ import annotations

import pytest

from streams.archive.naming import Part, claim_of, claim_path, date_of, part_of, parts_in, uncovered


def part(first: int, last: int, partition: int = 0) -> Part:
    return Part("metrics", partition, first, last, "2026-01-02")


def test_a_path_and_its_part() -> None:
    made = Part("models.code-7b", 3, 10, 29, "2026-01-02")
    assert made.path == "models.code-7b/date=2026-01-02/part-3-10-29.parquet"
    assert part_of(made.path) == made


@pytest.mark.parametrize(
    "path",
    [
        "metrics/date=2026-01-02/part-0-10-9.parquet",
        "metrics/date=2026-02-30/part-0-1-2.parquet",
        "metrics/date=2026-01-02/part-0-01-2.parquet",
        "metrics/date=2026-01-02/part-0-1-2.parquet.tmp",
        "metrics/part-0-1-2.parquet",
        "metrics/_claims/0-1",
        "metrics/_temporary/part-0-1-2.parquet",
        "a/metrics/date=2026-01-02/part-0-1-2.parquet",
        "metrics/date=2026-01-02/part-0-1-2.parquet\n",
    ],
)
def test_what_is_no_part(path: str) -> None:
    assert part_of(path) is None


def test_claims() -> None:
    assert claim_of(claim_path("metrics", 3, 17)) == (3, 17)
    assert claim_of("metrics/date=2026-01-02/part-0-1-2.parquet") is None


def test_days_are_utc() -> None:
    assert date_of(1_767_311_999_999) == "2026-01-01"
    assert date_of(1_767_312_000_000) == "2026-01-02"
    assert date_of(-1) == "1969-12-31"


def test_parts_are_sorted_by_number() -> None:
    paths = [part(100, 199).path, part(20, 99).path, "metrics/_claims/0-200", part(0, 9, 1).path]
    assert parts_in(paths) == [part(20, 99), part(100, 199), part(0, 9, 1)]


def test_a_larger_file_covers_smaller_ones() -> None:
    small = [part(0, 9), part(10, 19), part(20, 29)]
    assert uncovered(small) == small
    assert uncovered([*small, part(0, 19)]) == [part(0, 19), part(20, 29)]
    assert uncovered([part(0, 9, 1), part(0, 19)]) == [part(0, 19), part(0, 9, 1)]
    assert uncovered([part(0, 9), part(5, 14)]) == [part(0, 9), part(5, 14)], "neither covers"
