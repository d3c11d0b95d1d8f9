"""Which letters: read from ``dead-letters``, and chosen by what they say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from schemas.dead_letter import DeadLetter
from schemas.wire import WireError, decode
from streams.dead_letters import TOPIC
from streams.history import Log
from streams.redrive.mark import Place


class Kept(NamedTuple):
    """A letter and where it is; ``letter`` is None for a record that is none."""

    place: Place
    letter: DeadLetter | None


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """A letter without its record's value. ``failed_at`` in Unix ms; what isn't UTF-8 is escaped.

    ``letter`` is its place; ``topic``, ``partition`` and ``offset`` are its record's. ``cut``: the
    letter only names the record.
    """

    letter: str
    topic: str
    partition: int
    offset: int
    stage: str
    error: str
    failed_at: int
    redrives: int
    key: str | None
    value_bytes: int | None
    cut: bool = False

    @property
    def place(self) -> Place:
        """Where the letter is."""
        partition, _, offset = self.letter.partition("@")
        return Place(int(partition), int(offset))


def brief(place: Place, letter: DeadLetter) -> Brief:
    """What a list shows of a letter."""
    return Brief(
        letter=str(place),
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        stage=letter.stage,
        error=letter.error,
        failed_at=letter.failed_at,
        redrives=letter.redrives,
        key=None if letter.key is None else letter.key.decode(errors="backslashreplace"),
        value_bytes=None if letter.value is None else len(letter.value),
        cut=letter.cut,
    )


@dataclass(frozen=True)
class Selection:
    """Which letters; None: whatever it is.

    ``since_at`` is included, ``until_at`` is not (Unix ms, when it failed); ``error`` is a part
    of the error's text, in whatever case; ``limit``: only the newest so many.
    """

    topic: str | None = None
    stage: str | None = None
    since_at: int | None = None
    until_at: int | None = None
    error: str | None = None
    limit: int | None = None

    def takes(self, letter: DeadLetter) -> bool:
        """Whether a letter is meant, ``limit`` aside."""
        return (
            self.topic in (None, letter.topic)
            and self.stage in (None, letter.stage)
            and (self.since_at is None or letter.failed_at >= self.since_at)
            and (self.until_at is None or letter.failed_at < self.until_at)
            and (self.error is None or self.error.casefold() in letter.error.casefold())
        )

    def newest(self, letters: Iterable[Brief]) -> list[Brief]:
        """The newest ``limit`` of them, oldest first."""
        found = sorted(letters, key=lambda one: (one.failed_at, one.place))
        return found if self.limit is None else found[max(0, len(found) - self.limit) :]


async def read_letters(log: Log, places: Collection[Place] | None = None) -> AsyncIterator[Kept]:
    """All letters, or those at ``places`` that are there; in order per partition."""
    for partition in log.partitions(TOPIC):
        wanted = {place for place in places or () if place.partition == partition}
        beginning, end = log.beginning(TOPIC, partition), log.end(TOPIC, partition)
        wanted = {place for place in wanted if beginning <= place.offset < end}
        if places is not None and not wanted:
            continue
        start = min(place.offset for place in wanted) if wanted else beginning
        last = max(place.offset for place in wanted) if wanted else end
        async for records in log.read(TOPIC, partition, start):
            for record in records:
                place = Place(partition, record.offset)
                if places is None or place in wanted:
                    yield Kept(place, _decoded(record.value))
            if records[-1].offset >= last:
                break


def _decoded(value: bytes | None) -> DeadLetter | None:
    try:
        return decode(DeadLetter, value)
    except WireError:
        return None
