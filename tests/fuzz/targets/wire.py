"""What is on topics: events, headers, rows of the archive."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import reduce
from typing import Any

from agents.tailing import line_of
from schemas.wire import Event, WireError, decode, encode, salvage_query_id
from streams.archive.rows import ArchivedRecord, records_of, table_of
from streams.redrive.mark import mark_of, redrives
from streams.replay.filtering import matcher
from streams.replay.origin import origin_of
from streams.replay.problem import ReplayUsageError
from streams.topics import FIXED, event_types
from tests.fuzz.shaping import Choices, examples_of, headers, shaped, values
from tests.fuzz.target import Target
from tests.schemas.examples import EXAMPLES

TOPICS = (*(row.name for row in FIXED), "models.code-7b")


def _examples(topic: str) -> list[Any]:
    return examples_of(topic.partition(".")[0])


def _decode(topic: str, value: bytes) -> None:
    kinds = event_types(topic)
    assert kinds, topic
    union: Any = reduce(operator.or_, kinds)
    event: Event = decode(union, value)
    again = encode(event)
    assert encode(decode(union, again)) == again, "not the same after a round trip"


def wire(data: bytes) -> None:
    """The first byte is the topic, the rest a record's value."""
    choices = Choices(data)
    _decode(choices.of(TOPICS), choices.rest())


def wire_shaped(data: bytes) -> None:
    """An example of a topic, changed in places."""
    choices = Choices(data)
    topic = choices.of(TOPICS)
    _decode(topic, shaped(choices, _examples(topic)))


def salvage(data: bytes) -> None:
    """Never raises."""
    salvage_query_id(data)


def archive_rows(data: bytes) -> None:
    """Records of a topic as a table, and back: byte for byte."""
    choices = Choices(data)
    topic = choices.of(TOPICS)
    times = (0, -1, 1, 1_790_000_000_000, 2**62, -(2**62))
    records = [
        ArchivedRecord(
            offset,
            choices.of(times),
            choices.of((None, b"", b"\xff", value)),
            value,
            tuple(headers(choices)),
        )
        for offset, value in enumerate(values(choices, topic.partition(".")[0], 6))
    ]
    kinds = event_types(topic) or ()
    assert records_of(kinds, table_of(kinds, 0, records)) == records


def record_headers(data: bytes) -> None:
    """A header's value is any bytes."""
    origin_of([("zeta-replay", data)])
    mark_of([("zeta-redrive", data)])
    redrives([("zeta-redrives", data)])


def replay_filter(data: bytes) -> None:
    """A filter, a line break, and a record's value."""
    text, _, value = data.partition(b"\n")
    matches = matcher([text.decode("utf-8", "surrogateescape")])
    assert matches is not None
    matches(value)


class _Seen:
    """What `zeta tail` needs of a record."""

    def __init__(self, choices: Choices) -> None:
        self.topic, self.partition, self.offset, self.timestamp = "queries", 0, 1, 2
        self.key = choices.of((None, b"k", b"\xff\x1b[2J"))
        self.headers = headers(choices)
        self.value = choices.of((None, b"", choices.rest()))


def tail_line(data: bytes) -> None:
    """A line of `zeta tail`: printable whatever it is, and nothing for a terminal to obey."""
    choices = Choices(data)
    meta = choices.number(2) == 0
    seen: Any = _Seen(choices)
    line = line_of(seen, meta=meta)
    line.encode()
    assert line.isprintable() or not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in line)


def _values() -> Iterator[bytes]:
    for row in EXAMPLES:
        topic = "models.code-7b" if row.topic == "models" else row.topic
        yield bytes([TOPICS.index(topic)]) + row.value


def _origins() -> Iterator[bytes]:
    yield b'{"run":"r","topic":"queries","partition":0,"offset":1,"timestamp":2,"started":3}'
    yield b'{"partition":0,"offset":1,"failed_at":2,"timestamp":3}'


TARGETS = (
    Target("wire", wire, (WireError,), _values),
    Target("wire-shaped", wire_shaped, (WireError,), most_bytes=256),
    Target("salvage-query-id", salvage, seeds=lambda: [row.value for row in EXAMPLES[:6]]),
    Target("archive-rows", archive_rows, most_bytes=512),
    Target("record-headers", record_headers, seeds=_origins),
    Target("replay-filter", replay_filter, (ReplayUsageError,), lambda: [b'task=code\n{"task":1}']),
    Target(
        "tail-line", tail_line, seeds=lambda: [b"\0\0\0\0\x02" + row.value for row in EXAMPLES[:6]]
    ),
)
