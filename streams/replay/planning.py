"""Before a replay: may it be, and what of it is left to do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from streams.history import Log
from streams.replay.problem import ReplayUsageError
from streams.replay.ranges import Range, Selection, ranges
from streams.replay.run_id import started_at
from streams.replay.tail import Progress, Tail
from streams.replay.target import Target


@dataclass(frozen=True)
class Manner:
    """How records are sent on; the same for every start of a run."""

    by_key: bool = False
    keep_timestamps: bool = False


@dataclass(frozen=True)
class Plan:
    """What a run has to do; ``started`` (Unix ms) is when it first started."""

    started: int
    ranges: list[Range]
    sent: Progress


def is_same_topic(source: Target | None, target: Target) -> bool:
    """Whether the records would go where they come from; None: they come from an archive."""
    return source is not None and (source.cluster, source.topic) == (target.cluster, target.topic)


def check_target(source: Target | None, target: Target, manner: Manner, *, force: bool) -> None:
    """Whether the records may go there.

    Raises:
        ReplayUsageError: it is the source, or it can't keep timestamps.
    """
    if is_same_topic(source, target) and not force:
        raise ReplayUsageError(
            f"SOURCE and target are the same topic, {target.topic}: name another by --to, "
            "--to-prefix or --to-bootstrap, or say --force"
        )
    if manner.keep_timestamps and target.broker_time:
        raise ReplayUsageError(
            f"--keep-timestamps: {target.topic} stamps records itself (message.timestamp.type="
            "LogAppendTime); leave the option out, or make the topic with CreateTime"
        )


async def plan(
    log: Log,
    selection: Selection,
    target: Target,
    manner: Manner,
    *,
    run: str,
    now: int,
    is_new: bool = False,
) -> Plan:
    """What the run has to do. ``is_new``: nothing has its name yet, so the target isn't read.

    Raises:
        ReplayUsageError: there is no such partition.
        ReplayError: nothing is in the range.
        KafkaError: the target can't be read.
    """
    sources = selection.partitions or log.partitions(selection.topic)

    def expected(number: int) -> Collection[int]:
        if manner.by_key:
            return sources
        return [one for one in sources if target.partition_for(one, None, by_key=False) == number]

    sent = Progress(now)
    if not is_new:
        tail = Tail(target, run, selection.topic, expected, timed=not manner.keep_timestamps)
        sent = await tail.read(started_at(run))
    # The header has it to the millisecond, the name to the second.
    started = now if sent.started is None else sent.started
    return Plan(started, await ranges(log, selection, started), sent)
