"""One partition's index, kept in step with its records, and brought up to date where it isn't."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from agents.answer_index import AnswerIndex, Joined, LoggedAnswer, LoggedFeedback, served_by
from agents.gate import Gate
from schemas.feedback import Feedback
from schemas.response import Response
from schemas.wire import Event, WireError, decode
from streams.connecting import connection
from streams.consuming import POLL_MS, Record
from streams.replay.origin import new_records
from streams.settings import Kafka
from streams.topics import DAY_MS

KEPT_MS = 7 * DAY_MS
PRUNE_EVERY_MS = 200

E = TypeVar("E", bound=Event)
Take: TypeAlias = Callable[[Sequence[Record], int], None]


def logged_answer(record: Record, response: Response) -> LoggedAnswer | None:
    """What is remembered of a response; None of one that no feedback can be about."""
    if response.decision is None or response.error is not None or response.replay is not None:
        return None
    served = served_by(response, response.decision)
    return LoggedAnswer(response.query_id, record.offset, record.timestamp, served)


class PartitionIndex:
    """The index of one owned partition.

    ``answers`` and ``feedback`` are the gates of the two topics' records: answers wait until the
    feedback before the commit is known (little), feedback until the answers are, too.
    """

    def __init__(self, index: AnswerIndex, kafka: Kafka) -> None:
        self._index = index
        self._kafka = kafka
        self.answers = Gate()
        self.feedback = Gate()
        self._closed = False
        self._learnt_to = 0
        self._past_known = False
        self._pruned_at = 0

    def close(self) -> None:
        """From now on nothing is read or written."""
        self._closed = True
        self._index.close()

    def learn(
        self, answers: Sequence[tuple[Record, Response]], topic: str, end: int
    ) -> list[Joined]:
        """Takes the answers before ``end``; returns the feedback that waited for them."""
        rows = [row for pair in answers if (row := logged_answer(*pair)) is not None]
        self._learnt_to = max(self._learnt_to, end)
        # The position may not pass what is before the commit and not yet known.
        known = topic if self._past_known else ""
        self._index.put_answers(rows, topic=known, position=end)
        return self._index.waiting_for(rows)

    def take(
        self, feedback: Sequence[tuple[Record, Feedback]], topic: str, end: int
    ) -> list[Joined]:
        """Takes the feedback before ``end``; returns what of it counts and has its answer."""
        rows = [LoggedFeedback(row, record.offset, record.timestamp) for record, row in feedback]
        self._index.put_feedback(rows, topic=topic, position=end)
        return self._index.answered(rows)

    def prune(self, now_ms: int) -> None:
        """Drops what is older than 7 days, now and then."""
        if now_ms - self._pruned_at >= PRUNE_EVERY_MS:
            self._pruned_at = now_ms
            self._index.prune(now_ms - KEPT_MS)

    async def catch_up(
        self,
        answers: tuple[TopicPartition, int],
        feedback: tuple[TopicPartition, int],
        since_at: int,
    ) -> None:
        """Reads what it doesn't know of all before the commits (offsets), and opens the gates."""
        await self._read(*feedback, since_at, self._take_past)
        await self.answers.open()
        await self._read(*answers, since_at, self._learn_past)
        if not self._closed:
            self._past_known = True
            topic, commit = answers[0].topic, answers[1]
            self._index.put_answers([], topic=topic, position=max(commit, self._learnt_to))
        await self.feedback.open()

    async def _read(self, tp: TopicPartition, commit: int, since_at: int, take: Take) -> None:
        if self._closed or self._index.position(tp.topic) >= commit:
            return
        consumer = AIOKafkaConsumer(
            **connection(self._kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            consumer.assign([tp])
            await self._read_from(consumer, tp, commit, since_at, take)
        finally:
            await consumer.stop()

    async def _read_from(
        self, consumer: AIOKafkaConsumer, tp: TopicPartition, commit: int, since_at: int, take: Take
    ) -> None:
        found = (await consumer.offsets_for_times({tp: since_at}))[tp]
        oldest = found.offset if found is not None else commit
        known = 0 if self._closed else self._index.position(tp.topic)
        consumer.seek(tp, max(known, oldest))
        while not self._closed and await consumer.position(tp) < commit:
            fetched = await consumer.getmany(tp, timeout_ms=POLL_MS)
            past = [row for row in fetched.get(tp, ()) if row.offset < commit]
            if past and not self._closed:
                take(past, past[-1].offset + 1)

    def _learn_past(self, records: Sequence[Record], end: int) -> None:
        pairs = _decoded(Response, new_records(self._kafka, records))
        rows = [row for pair in pairs if (row := logged_answer(*pair)) is not None]
        self._index.put_answers(rows, topic=records[0].topic, position=end)

    def _take_past(self, records: Sequence[Record], end: int) -> None:
        self.take(_decoded(Feedback, new_records(self._kafka, records)), records[0].topic, end)

    def check(self, ends: dict[TopicPartition, int]) -> None:
        """Forgets all where a topic is shorter than what is known of it: it is another."""
        if any(self._index.position(tp.topic) > end for tp, end in ends.items()):
            self._index.clear()


def _decoded(kind: type[E], records: Sequence[Record]) -> list[tuple[Record, E]]:
    """Those that can be read; the others were dead-lettered when they came."""
    found = []
    for record in records:
        try:
            found.append((record, decode(kind, record.value)))
        except WireError:
            continue
    return found
