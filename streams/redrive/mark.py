"""The headers by which a redriven record tells how often it was sent back, and from which letter.

``zeta-redrives`` is the count, in decimal digits; ``zeta-redrive`` a ``Mark`` in JSON. Both are
replaced when the record is sent back once more; every other header stays as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from schemas.dead_letter import DeadLetter

COUNT = "zeta-redrives"
MARK = "zeta-redrive"

Headers = Sequence[tuple[str, bytes | None]]

_PLACE = re.compile(r"([0-9]{1,9})@([0-9]{1,18})")
_COUNT = re.compile(rb"[0-9]{1,9}")


class Place(NamedTuple):
    """Where a letter is on ``dead-letters``; written ``<partition>@<offset>``."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}@{self.offset}"


def parse_place(text: str) -> Place | None:
    """The place that is written so; None: none is."""
    found = _PLACE.fullmatch(text)
    return Place(int(found[1]), int(found[2])) if found else None


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The letter that was sent back: its place, and when it failed, since offsets can come again.

    ``timestamp`` is that of the record when it was first sent, in Unix ms: time limits count from
    the new one.
    """

    partition: int
    offset: int
    failed_at: int
    timestamp: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Mark)


def mark_of(headers: Iterable[tuple[str, bytes | None]]) -> Mark | None:
    """Which letter a record was sent back from; None for one that wasn't (a broken one is none)."""
    for name, content in headers:
        if name == MARK and content is not None:
            try:
                return _decoder.decode(content)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return None
    return None


def redrives(headers: Iterable[tuple[str, bytes | None]]) -> int:
    """How often a record was sent back; 0 where the header is missing or is no number."""
    for name, content in headers:
        if name == COUNT and content is not None and _COUNT.fullmatch(content):
            return int(content)
    return 0


def identity(place: Place, letter: DeadLetter) -> tuple[int, int, int]:
    """What the marks of one letter share, and no other letter's has."""
    return place.partition, place.offset, letter.failed_at


def marked(place: Place, letter: DeadLetter) -> list[tuple[str, bytes | None]]:
    """The record's headers as they came, duplicates too, with the count and the mark at the end."""
    headers = [(header.name, header.value) for header in letter.headers]
    before = mark_of(headers)
    mark = Mark(
        partition=place.partition,
        offset=place.offset,
        failed_at=letter.failed_at,
        timestamp=letter.timestamp_at if before is None else before.timestamp,
    )
    kept = [header for header in headers if header[0] not in (COUNT, MARK)]
    count = str(letter.redrives + 1).encode()
    return [*kept, (COUNT, count), (MARK, _encoder.encode(mark))]
