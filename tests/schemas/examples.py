"""The golden examples: one file is one record's value, as it travels, laid out for people."""

from __future__ import annotations

import operator
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from schemas.wire import Event, decode
from streams.topics import event_types

FOLDER = Path(__file__).parents[1] / "examples"


class Example(NamedTuple):
    """A golden example: its topic and its bytes on the wire."""

    topic: str
    name: str
    value: bytes

    @property
    def types(self) -> tuple[type[Event], ...]:
        """The events that its topic carries."""
        topic = "models.code-7b" if self.topic == "models" else self.topic
        return event_types(topic) or ()

    def decoded(self, value: bytes | None = None) -> Event:
        """The event in it, or in other bytes of the same topic."""
        union: Any = reduce(operator.or_, self.types)
        event: Event = decode(union, self.value if value is None else value)
        return event


def _example(path: Path) -> Example:
    compact = msgspec.json.format(path.read_bytes().rstrip(), indent=-1)
    return Example(path.parent.name, path.stem, compact)


EXAMPLES = [_example(path) for path in sorted(FOLDER.glob("*/*.json"))]
IDS = [f"{example.topic}/{example.name}" for example in EXAMPLES]
