"""The header by which a replayed record tells where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

import msgspec

from streams.sections import Kafka

HEADER = "zeta-replay"

Headers = Sequence[tuple[str, bytes | None]]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The record that was replayed, and by which run.

    ``topic`` is without prefix; ``timestamp`` the record's own and ``started`` when the run first
    started, both in Unix ms.
    """

    run: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    started: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Origin)


def origin_of(headers: Headers) -> Origin | None:
    """Where a record was replayed from; None for one that wasn't (a broken header is none)."""
    for name, content in headers:
        if name == HEADER and content is not None:
            try:
                return _decoder.decode(content)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return None
    return None


def replayed_by(kafka: Kafka, headers: Headers) -> str | None:
    """The run that sent a record again; None for one that is new.

    What happened once must not teach twice, pin again, or rule again: every role passes over such
    records, or marks what follows from them. In a sandbox all records are replayed, so there
    they count.
    """
    if not headers or kafka.sandbox:
        return None
    origin = origin_of(headers)
    return None if origin is None else origin.run


class _HasHeaders(Protocol):
    @property
    def headers(self) -> Headers: ...


R = TypeVar("R", bound=_HasHeaders)


def new_records(kafka: Kafka, records: Iterable[R]) -> list[R]:
    """Those that no run has sent again (see ``replayed_by``), in their order."""
    return [record for record in records if replayed_by(kafka, record.headers) is None]


def stamped(headers: Headers, origin: Origin) -> list[tuple[str, bytes | None]]:
    """The headers in their order, duplicates too, with ``origin`` at the end as the only one."""
    return [*_without(headers), (HEADER, _encoder.encode(origin))]


def _without(headers: Headers) -> Iterable[tuple[str, bytes | None]]:
    return (header for header in headers if header[0] != HEADER)
