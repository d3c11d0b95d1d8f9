"""The wire: JSON checked by msgspec, decoded strictly, unknown fields ignored.

Conventions that hold in every event:

- ``*_at`` is an instant in integer milliseconds since the Unix epoch, UTC;
- ``*_s`` is a duration in seconds; ``*_micro`` an integer count of millionths;
- a field that holds its default is left out, so an old reader sees an old record (floats and
  parts that have a default are always there, see ``written``);
- a field that a reader doesn't know is ignored (rolling upgrades).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache, partial
from typing import Annotated, Any, ClassVar, TypeVar, cast

import msgspec

MILLION = 1_000_000

# A larger one is legal JSON, but no column of the archive would hold it.
INT_MAX = 2**63 - 1

NonNegativeInt = Annotated[int, msgspec.Meta(ge=0, le=INT_MAX)]
PositiveInt = Annotated[int, msgspec.Meta(ge=1, le=INT_MAX)]
PositiveFloat = Annotated[float, msgspec.Meta(gt=0)]
NonNegativeFloat = Annotated[float, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
PositiveSeconds = Annotated[float, msgspec.Meta(gt=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
EpochMs = Annotated[int, msgspec.Meta(ge=0, le=INT_MAX)]
AnyInt = Annotated[int, msgspec.Meta(ge=-INT_MAX, le=INT_MAX)]
Micro = Annotated[int, msgspec.Meta(ge=0, le=MILLION)]
LONGEST_NAME = 249
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
# What is copied into every record that follows from a query has to stay small.
Label = Annotated[str, msgspec.Meta(max_length=1000)]


class Event(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=False
):
    """Base of all that travels, and of the parts that events are made of.

    ``number_keys``: it holds a mapping whose keys are numbers (text in JSON).
    """

    number_keys: ClassVar[bool] = False


class WireError(ValueError):
    """A record's bytes are not the event that its topic carries. The message says where."""


E = TypeVar("E")
V = TypeVar("V")


def written(default: V) -> V:
    """A default that is written, too.

    msgspec leaves a field out when it holds the very object that is its default. Another 0.0 is
    equal but not the same, so with a plain default equal events could give different bytes.
    """
    field: V = msgspec.field(default_factory=lambda: default)
    return field


@cache
def decoder(kind: Hashable) -> Callable[[bytes | None], Any]:
    """``decode`` for one kind of event, or a union of them.

    For whoever reads many records of a union: to look that up takes as long as to decode a
    metric (0.5 us).
    """
    return partial(_decode, msgspec.json.Decoder(kind))


def _decode(plain: msgspec.json.Decoder[E], value: bytes | None) -> E:
    if not value:
        raise WireError("empty value")
    try:
        return plain.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(str(error)) from error


_encoder = msgspec.json.Encoder(order="deterministic")
_plain_encoder = msgspec.json.Encoder()


def decode(kind: type[E], value: bytes | None) -> E:
    """The event in ``value``.

    Raises:
        WireError: empty value, not UTF-8, not JSON, or not that event; names the field.
    """
    event: E = decoder(cast(Hashable, kind))(value)
    return event


def encode(event: Event) -> bytes:
    """The event as JSON. Equal events give equal bytes (mapping keys are sorted)."""
    if event.number_keys:  # the ordered encoder refuses them, so they become text first
        plain = msgspec.to_builtins(event, str_keys=True, order="deterministic")
        return _plain_encoder.encode(plain)
    return _encoder.encode(event)


class _Identified(msgspec.Struct):
    query_id: str | None = None
    query: _Identified | None = None


def salvage_query_id(value: bytes | None) -> str | None:
    """The query id of a record that can't be used, where it can still be read.

    Of a query that travels in another record, its own.
    """
    try:
        found = decode(_Identified, value)
    except WireError:
        return None
    return found.query_id or (found.query.query_id if found.query else None) or None
