"""Records for the archive's tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow.parquet as pq

from schemas.metric import Metric
from schemas.tick import Tick
from schemas.wire import encode
from streams.archive.naming import Part, date_of
from streams.archive.rows import ArchivedRecord, Types, table_of
from streams.archive.store import Store

TYPES: Types = (Metric, Tick)
BEGAN_AT = 1_790_000_000_000


def metric(number: int, task: str = "code") -> Metric:
    """An outcome of realistic size."""
    return Metric(
        query_id=f"01928c7e-5d0a-7000-8000-{number:012d}",
        attempt=1,
        model=f"{task}-7b",
        task=task,
        kind="outcome",
        ok=True,
        response_time_s=0.25 + number % 1000 / 1000,
        prompt_tokens=100 + number % 50,
        completion_tokens=200 + number % 70,
        cost_usd=number % 100 / 10_000,
        propensity=0.98,
        rule_version=1 + number // 1000,
        session=f"session-{number % 100}",
        decided_at=BEGAN_AT + number,
        observed_at=BEGAN_AT + number + 700,
    )


def record(offset: int) -> ArchivedRecord:
    """A metric."""
    return holding(offset, encode(metric(offset)))


def holding(offset: int, value: bytes | None) -> ArchivedRecord:
    """A record of this value."""
    headers = (("h", b"\x00"), ("h", None))
    return ArchivedRecord(offset, BEGAN_AT + offset, f"key-{offset}".encode(), value, headers)


def write_part(
    store: Store,
    topic: str,
    records: Sequence[ArchivedRecord],
    *,
    last: int | None = None,
    first: int | None = None,
    partition: int = 0,
    types: Types = TYPES,
) -> Part:
    """Publishes a file, as if an archiver had."""
    begin = records[0].offset if first is None else first
    end = records[-1].offset if last is None else last
    part = Part(topic, partition, begin, end, date_of(records[0].timestamp))
    with store.stage(topic) as staged:
        pq.write_table(table_of(types, partition, records), staged.file, row_group_size=100)
        staged.publish(part.path)
    return part


def offsets(records: Iterable[ArchivedRecord]) -> list[int]:
    """Their offsets."""
    return [row.offset for row in records]
