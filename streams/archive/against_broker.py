"""An archive beside the broker that it was made from: what is missing, and how far behind it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import msgspec
import pyarrow as pa
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from streams.archive.findings import Finding, PartitionState, Verification
from streams.archive.listing import all_paths
from streams.archive.naming import Part, parts_in, uncovered
from streams.archive.reading import opened
from streams.archive.store import Store
from streams.connecting import connection
from streams.settings import Kafka
from streams.tables import TopicMissingError, partitions_of

HOLES_ASKED = 1000
"""Of one partition; more would take long, and say little."""

POLL_MS = 2000


async def compare(
    found: Verification, store: Store, kafka: Kafka, topics: Iterable[str]
) -> Verification:
    """The verification with what the broker says of these topics.

    Offsets that retention has taken from the broker are no loss, nor are those that compaction
    has; those that aren't archived yet are behind. Offsets that no file has, but the broker does,
    are missing.

    Raises:
        KafkaError: the broker can't be read.
    """
    consumer = AIOKafkaConsumer(
        **connection(kafka), enable_auto_commit=False, auto_offset_reset="none"
    )
    await consumer.start()
    try:
        comparison = _Comparison(found, store, kafka, consumer)
        for topic in sorted(set(topics)):
            await comparison.add(topic)
    finally:
        await consumer.stop()
    return Verification(
        root=found.root,
        partitions=[comparison.states.get(_where(row), row) for row in found.partitions],
        findings=[*found.findings, *comparison.findings],
    )


def _where(state: PartitionState) -> tuple[str, int]:
    return state.topic, state.partition


class _Comparison:
    def __init__(
        self, found: Verification, store: Store, kafka: Kafka, consumer: AIOKafkaConsumer
    ) -> None:
        self.states = {_where(row): row for row in found.partitions}
        self.findings: list[Finding] = []
        self._store = store
        self._kafka = kafka
        self._consumer = consumer

    async def add(self, topic: str) -> None:
        """Asks for one topic's offsets."""
        try:
            partitions = await partitions_of(self._kafka, self._kafka.prefix + topic)
        except TopicMissingError:
            self._note("absent", topic, "this broker has no such topic", "")
            return
        self._consumer.assign(partitions)
        beginnings = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        for partition in partitions:
            span = beginnings[partition], ends[partition]
            state = self.states.get((topic, partition.partition))
            if state is None:
                self._none(topic, partition.partition, *span)
            else:
                await self._partition(state, partition, *span)

    def _note(self, kind: str, where: str, problem: str, advice: str) -> None:
        row = {"kind": kind, "where": where, "problem": problem, "advice": advice}
        self.findings.append(msgspec.convert(row, Finding))

    def _none(self, topic: str, partition: int, beginning: int, end: int) -> None:
        if end > beginning:
            where = f"{topic}, partition {partition}"
            problem = f"behind by {end - beginning}: nothing is archived yet"
            self._note("behind", where, problem, "see that `zeta run archiver` runs")

    async def _partition(
        self, state: PartitionState, partition: TopicPartition, beginning: int, end: int
    ) -> None:
        where = f"{state.topic}, partition {state.partition}"
        if state.last >= end:
            self._note(
                "missing",
                where,
                f"the archive goes to offset {state.last}, the broker's ends at {end - 1}",
                "the topic was made anew, or this is another broker: archive it elsewhere",
            )
            return
        behind = end - max(state.last + 1, beginning)
        self.states[_where(state)] = msgspec.structs.replace(state, behind=behind)
        if behind:
            problem = f"behind by {behind}: offsets from {state.last + 1} on"
            self._note("behind", where, problem, "nothing, while an archiver runs")
        if state.last + 1 < beginning:
            self._note(
                "gap",
                where,
                f"the broker has deleted offsets {state.last + 1} to {beginning - 1}, which "
                "weren't archived",
                "they are lost; run an archiver, or keep the topic for longer",
            )
        if state.pruned_before is None and beginning < state.first:
            self._note(
                "missing",
                where,
                f"offsets {beginning} to {state.first - 1} are on the broker, and in no file",
                "restore the first files from a backup, or archive into another directory",
            )
        if state.holes:
            await self._holes(where, partition, beginning, end)

    async def _holes(self, where: str, partition: TopicPartition, beginning: int, end: int) -> None:
        topic = partition.topic.removeprefix(self._kafka.prefix)
        holes = await asyncio.to_thread(holes_in, self._store, topic, partition.partition)
        asked = [hole for hole in holes if hole[1] >= beginning and hole[0] < end]
        for first, last in asked[-HOLES_ASKED:]:
            offset = await self._first_from(partition, max(first, beginning))
            if offset is not None and offset <= last:
                self._note(
                    "missing",
                    where,
                    f"offset {offset} is on the broker, and in no file, though {first} to {last} "
                    "are between archived ones",
                    "move the file that spans it, the later ones and the claims away, and the "
                    "archiver goes on from there",
                )
                return

    async def _first_from(self, partition: TopicPartition, offset: int) -> int | None:
        self._consumer.seek(partition, offset)
        found = await self._consumer.getmany(partition, timeout_ms=POLL_MS, max_records=1)
        records = found.get(partition, ())
        return int(records[0].offset) if records else None


def holes_in(store: Store, topic: str, partition: int) -> list[tuple[int, int]]:
    """The offsets within files that have no row, as ranges. Blocks."""
    parts = uncovered(parts_in(all_paths(store, topic)))
    return [
        hole for part in parts if part.partition == partition for hole in _holes_of(store, part)
    ]


def _holes_of(store: Store, part: Part) -> Iterator[tuple[int, int]]:
    expected = part.first
    with opened(store, part.path) as file:
        for batch in file.iter_batches(columns=["kafka_offset"]):
            offsets = batch.column("kafka_offset").cast(pa.int64()).to_pylist()
            for offset in offsets:
                if offset > expected:
                    yield expected, offset - 1
                expected = offset + 1
    if expected <= part.last:
        yield expected, part.last
