"""Bytes as choices: golden examples with hostile values in some places, and records of them.

Bytes that are mutated at random hardly ever pass a strict decoder. Here they choose instead: which
example, which place in it, what to put there; so what lies behind the decoder is reached too.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from aiokafka.structs import ConsumerRecord, TopicPartition

from streams.consuming import Record
from tests.schemas.examples import EXAMPLES

T = TypeVar("T")

_DEEP: Any = []
for _ in range(200):
    _DEEP = [_DEEP]

VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        1000,
        2**31,
        2**53,
        2**63 - 1,
        2**63,
        2**64,
        10**30,
        -(2**63),
    ),
    *(0.0, -0.0, 0.5, 1.0, 1e-300, 5e-324, 1e15, 1e300, 1.7976931348623157e308, -1e300),
    *(
        "",
        "x",
        "code",
        "reasoning",
        "only",
        "code-7b",
        "\x00",
        "\x1b[2J",
        "../..",
        "a/b\n",
        "é",
        "💥",
    ),
    *("y" * 249, "z" * 300, "exact", "choice", "json_schema", "embedding", "regex", "numeric"),
    *([], {}, [[]], [""], [0], [None], {"": ""}, {"a": 1}, {"0": 0}, _DEEP),
    *("metric", "tick", "outcome", "judgement", "configure", "pin", "exclude", "include", "freeze"),
    *(1_790_000_000_000, 1_790_000_060_000, 4_000_000_000_000, 10**15, 253_402_300_800_000),
)


class Choices:
    """A stream of choices; once the bytes are used up, always the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._next = 0

    @property
    def left(self) -> bool:
        """Whether there are bytes left."""
        return self._next < len(self._data)

    def number(self, below: int) -> int:
        """From 0 up to ``below``, which is at most 65536."""
        size = 1 if below <= 256 else 2
        piece = self._data[self._next : self._next + size]
        self._next += size
        return int.from_bytes(piece) % below

    def of(self, options: Sequence[T]) -> T:
        """One of these."""
        return options[self.number(len(options))]

    def some(self, most: int = 255) -> bytes:
        """Some of the next bytes as they are."""
        size = self.number(most + 1)
        piece = self._data[self._next : self._next + size]
        self._next += len(piece)
        return piece

    def rest(self) -> bytes:
        """All that is left."""
        piece = self._data[self._next :]
        self._next = len(self._data)
        return piece


def examples_of(topic: str) -> list[Any]:
    """A topic's golden examples, as plain values."""
    return [json.loads(row.value) for row in EXAMPLES if row.topic == topic]


def shaped(choices: Choices, examples: Sequence[Any], changes: int = 6) -> bytes:
    """An example as JSON, with some hostile values in it."""
    event = json.loads(json.dumps(choices.of(examples)))
    for _ in range(choices.number(changes + 1)):
        event = _changed(choices, event)
    return json.dumps(event, ensure_ascii=choices.number(2) == 0).encode("utf-8", "replace")


def _changed(choices: Choices, event: Any) -> Any:
    """With one place replaced, added or taken away."""
    places = _places(event)
    holder, key = choices.of(places) if places else (None, None)
    value = copy.deepcopy(choices.of(VALUES))
    if holder is None:
        return value
    what = choices.number(8)
    if what == 0 and isinstance(holder, dict):
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        holder[str(choices.of(VALUES))] = holder[key]
    else:
        holder[key] = value
    return event


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Each (container, key) within a value."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting and len(found) < 500:
        one = waiting.pop()
        for key, inner in _items(one):
            found.append((one, key))
            if isinstance(inner, dict | list):
                waiting.append(inner)
    return found


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else ()


_HEADERS: tuple[tuple[str, bytes | None], ...] = (
    (
        "zeta-replay",
        b'{"run":"r","topic":"queries","partition":0,"offset":1,"timestamp":2,"started":3}',
    ),
    *(("zeta-replay", value) for value in (b"\xff", b'"\xff"', b"[" * 5000, b"", None, b"{}")),
    *(("zeta-partition", b"0/1"), ("zeta-redrives", b"9" * 9), ("zeta-redrive", b'{"a":"\xff"}')),
    *(("", b""), ("é\x00", None), ("trace", b"\x00\xff")),
)


def headers(choices: Choices) -> list[tuple[str, bytes | None]]:
    """Mostly none."""
    return [choices.of(_HEADERS) for _ in range(max(0, choices.number(8) - 5))]


def record(
    choices: Choices, topic: str, value: bytes | None, offset: int, timestamp: int
) -> Record:
    """A record with this value; its key and headers are chosen."""
    key = choices.of((None, b"", b"code", b"\xff\x00", value))
    given = headers(choices)
    return ConsumerRecord(
        topic,
        0,
        offset,
        timestamp,
        0,
        key,
        value,
        None,
        -1,
        -1,
        tuple(given),
    )


def values(choices: Choices, topic: str, most: int) -> list[bytes | None]:
    """Values for a topic's records: mostly shaped, some raw, empty or missing."""
    examples = examples_of(topic)
    found: list[bytes | None] = []
    while choices.left and len(found) < most:
        kind = choices.number(16)
        if kind == 0:
            found.append(choices.some())
        elif kind == 1:
            found.append(choices.of((None, b"", b"[" * 5000, b"\xff", b'{"query_id":"\xff"}')))
        else:
            found.append(shaped(choices, examples))
    return found


def partition(topic: str) -> TopicPartition:
    """The topic's only partition."""
    return TopicPartition(topic, 0)
