"""What of the chosen letters is to be sent back, and what not, with the reason.

A letter that was sent leaves its mark on the record, so the target itself tells what is done:
before anything is sent, the partitions that letters go to are read from an hour before the oldest
of them failed. A redrive that is killed at any moment, and begun again, sends what is missing.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from streams.history import History, open_history
from streams.redrive.letters import Brief
from streams.redrive.mark import mark_of
from streams.replay.problem import ReplayError
from streams.replay.tail import CLOCKS_MS
from streams.replay.target import Target, find_topic
from streams.settings import Kafka
from streams.topics import MODEL_PREFIX

TOPICS = ("queries", "reroutes", "responses", "feedback")
"""Besides those of the models, the topics that records can be sent back to."""

Status: TypeAlias = Literal["sent", "to send", "sent already", "in doubt", "refused"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one letter; ``why`` where it wasn't sent."""

    letter: str
    topic: str
    partition: int
    status: Status
    why: str | None = None


@dataclass(frozen=True)
class Plan:
    """Letters to send, each with its target; and the outcomes of all others."""

    send: Sequence[tuple[Brief, Target]]
    settled: Sequence[Outcome]


def refusal(topic: str) -> str | None:
    """Why a record can't go back to that topic; None: it can."""
    if topic in TOPICS or topic.startswith(MODEL_PREFIX):
        return None
    if topic == "controls":
        return "an order counts from where it stands in the log: give it again (`zeta rules`)"
    return (
        f"{topic} is folded in the order of its offsets into windows that have closed since; "
        "a record there would count at another time than its own"
    )


def _cut(letter: Brief) -> str:
    return (
        "its record was too large to be kept in the letter; it is still at "
        f"{letter.topic} {letter.partition}@{letter.offset} while retention keeps it"
    )


def outcome(letter: Brief, status: Status, why: str | None = None) -> Outcome:
    """An outcome of this letter."""
    return Outcome(
        letter=letter.letter,
        topic=letter.topic,
        partition=letter.partition,
        status=status,
        why=why,
    )


async def plan(kafka: Kafka, letters: Iterable[Brief], *, again: bool) -> Plan:
    """Looks up targets, and, but for ``again``, what was sent to them before.

    Raises:
        KafkaError: the broker doesn't answer.
    """
    by_topic: dict[str, list[Brief]] = {}
    send: list[tuple[Brief, Target]] = []
    settled: list[Outcome] = []
    for letter in letters:
        if letter.cut:
            settled.append(outcome(letter, "refused", _cut(letter)))
        else:
            by_topic.setdefault(letter.topic, []).append(letter)
    for topic, rows in sorted(by_topic.items()):
        why = refusal(topic)
        if why is None:
            try:
                target = await find_topic(kafka, kafka.prefix + topic, "its topic")
            except ReplayError as error:
                why = str(error)
        if why is not None:
            settled += [outcome(letter, "refused", why) for letter in rows]
        elif again:
            send += [(letter, target) for letter in rows]
        else:
            async for letter, before in _compared(kafka, topic, target, rows):
                if before is None:
                    send.append((letter, target))
                else:
                    settled.append(before)
    return Plan(send, settled)


async def _compared(
    kafka: Kafka, topic: str, target: Target, letters: Sequence[Brief]
) -> AsyncIterator[tuple[Brief, Outcome | None]]:
    """Each letter with its outcome, None where it is to be sent."""
    by_partition: dict[int, list[Brief]] = {}
    for letter in letters:
        number = target.partition_for(letter.partition, None, by_key=False)
        by_partition.setdefault(number, []).append(letter)
    async with open_history(kafka, [topic]) as log:
        for number, rows in sorted(by_partition.items()):
            sent = await _sent(log, topic, number, min(row.failed_at for row in rows))
            known_since = await _known_since(log, topic, number)
            for letter in rows:
                yield letter, _before(letter, sent, known_since)


async def _sent(
    log: History, topic: str, partition: int, failed_at: int
) -> set[tuple[int, int, int]]:
    """The letters whose records are on this partition, of those that failed then or later."""
    found = set()
    start = await log.first_at(topic, partition, failed_at - CLOCKS_MS)
    async for records in log.read(topic, partition, start):
        for record in records:
            if (mark := mark_of(record.headers)) is not None:
                found.add((mark.partition, mark.offset, mark.failed_at))
    return found


async def _known_since(log: History, topic: str, partition: int) -> float:
    """From when on nothing is missing there (Unix ms), by the oldest record that survives."""
    beginning = log.beginning(topic, partition)
    if beginning == 0:
        return -math.inf  # nothing was ever taken
    async for records in log.read(topic, partition, beginning):
        return records[0].timestamp
    return math.inf


def _before(letter: Brief, sent: set[tuple[int, int, int]], known_since: float) -> Outcome | None:
    if (*letter.place, letter.failed_at) in sent:
        return outcome(letter, "sent already")
    if known_since < letter.failed_at - CLOCKS_MS:
        return None
    why = (
        f"retention has taken records of {letter.topic} from after it failed, so whether it was "
        "sent can't be seen any more; --again sends it"
    )
    return outcome(letter, "in doubt", why)
