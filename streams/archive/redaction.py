"""``archive.redact``: what people and models wrote is taken out before anything is written.

A record is decoded, its fields are dropped or hashed wherever their struct is part of the event,
and it is encoded again: the archive's record is the redacted one, raw bytes and all. What doesn't
decode loses its whole value, if its topic could hold such a field, and a header tells so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from schemas.dead_letter import DeadLetter
from schemas.query import Message, Query
from schemas.wire import Event, WireError, decode, encode
from streams.archive.redactable import FIELDS, How
from streams.archive.rows import ArchivedRecord
from streams.history import LoggedRecord
from streams.secret_source import read_secret
from streams.settings import Archive, SettingsError
from streams.topics import event_types

MARK = "zeta-redacted"
"""The header of a record that didn't decode, and so lost its whole value."""

SHORTEST_KEY = 16
_DIGEST_BYTES = 16

_Change = Callable[[Any], Any]


def is_redacted(record: LoggedRecord) -> bool:
    """Whether the record's value was taken away, so that there is nothing to send again."""
    return record.value == b"" and any(name == MARK for name, _ in record.headers)


def redaction_of(archive: Archive, environment: Mapping[str, str]) -> Redaction:
    """The redaction that the settings ask for.

    Raises:
        SettingsError: the key isn't where the settings say, or is too short.
    """
    variable, file = archive.redact_key_variable, archive.redact_key_file
    if "hash" not in archive.redact.values():
        return Redaction(archive.redact, b"")
    key = (read_secret("archive.redact_key", variable, file, environment) or "").encode()
    if len(key) < SHORTEST_KEY:
        problem = f"must be at least {SHORTEST_KEY} characters that are secret"
        setting = f"archive.redact_key_{'variable' if variable else 'file'}"
        raise SettingsError("environment", setting, problem)
    return Redaction(archive.redact, key)


class Redaction:
    """Takes fields out of the records of any topic; see the module.

    A dead letter holds a record that didn't decode: its value goes, too, if it came from a topic
    that could hold a field which is redacted, or from one that isn't ours.

    Args:
        fields: names of ``FIELDS``, and what becomes of them.
        key: of the hashes; equal texts have equal hashes under one key.
    """

    def __init__(self, fields: Mapping[str, How], key: bytes = b"") -> None:
        self._key = hashlib.blake2b(key).digest()
        self._how: dict[tuple[type, str], How] = {FIELDS[name]: how for name, how in fields.items()}
        self._changes: dict[type[Any], _Change | None] = {}
        self._topics: dict[str, bool] = {}

    def concerns(self, topic: str) -> bool:
        """Whether a record of this topic could hold a field that is redacted."""
        if topic not in self._topics:
            types = event_types(topic) or ()
            letters = bool(self._how) and DeadLetter in types
            self._topics[topic] = letters or any(self._change(kind) for kind in types)
        return self._topics[topic]

    def records(self, topic: str, records: Sequence[LoggedRecord]) -> Sequence[LoggedRecord]:
        """The records as they may be kept, one for each, with their offsets."""
        if not self.concerns(topic):
            return records
        union = reduce(or_, event_types(topic) or ())
        return [self._record(union, record) for record in records]

    def _record(self, union: Any, record: LoggedRecord) -> LoggedRecord:
        if not record.value:
            return record
        headers = tuple(record.headers)
        try:
            event = decode(union, record.value)
            value = encode(self._event(event))
        except WireError:
            value, headers = b"", (*headers, (MARK, b"unreadable"))
        return ArchivedRecord(record.offset, record.timestamp, record.key, value, headers)

    def _event(self, event: Event) -> Event:
        change = self._change(type(event))
        changed: Event = event if change is None else change(event)
        if isinstance(changed, DeadLetter) and self._may_hold(changed):
            return msgspec.structs.replace(changed, value=b"" if changed.value else changed.value)
        return changed

    def _may_hold(self, letter: DeadLetter) -> bool:
        if (DeadLetter, "value") in self._how:
            return False  # that was done
        return event_types(letter.topic) is None or self.concerns(letter.topic)

    def _change(self, kind: type[Any]) -> _Change | None:
        """What redacts a struct, None where it holds nothing that is to be redacted."""
        if kind not in self._changes:
            fields = {
                field.name: change
                for field in msgspec.structs.fields(kind)
                if (change := self._field(kind, field)) is not None
            }
            self._changes[kind] = _replacing(fields) if fields else None
        return self._changes[kind]

    def _field(self, kind: type[Event], field: msgspec.structs.FieldInfo) -> _Change | None:
        how = self._how.get((kind, field.name))
        if how == "hash":
            return self._hashed
        if how == "drop":
            # A query has one of the three, which one says how it is answered.
            return _emptied if kind is Query and field.default is None else _dropping(field)
        return self._inside(msgspec.inspect.type_info(field.type))

    def _inside(self, kind: msgspec.inspect.Type) -> _Change | None:
        if isinstance(kind, msgspec.inspect.Metadata):
            return self._inside(kind.type)
        if isinstance(kind, msgspec.inspect.StructType):
            return self._change(kind.cls)
        if isinstance(kind, msgspec.inspect.UnionType):
            found = [change for part in kind.types if (change := self._inside(part)) is not None]
            return found[0] if found else None
        if isinstance(kind, msgspec.inspect.ListType):
            item = self._inside(kind.item_type)
            return None if item is None else lambda rows: [item(row) for row in rows]
        return None

    def _hashed(self, value: Any) -> Any:
        """The same shape, with a hash for each text."""
        if isinstance(value, Message):
            texts = {name: self._maybe(getattr(value, name)) for name in _MESSAGE_TEXTS}
            return msgspec.structs.replace(value, **texts)
        if isinstance(value, list):
            return [self._hashed(item) for item in value]
        if isinstance(value, dict):
            return {"hash": self._digest(msgspec.json.encode(value, order="deterministic"))}
        if isinstance(value, bytes):
            return self._digest(value).encode()
        if isinstance(value, str):
            return self._digest(value.encode(errors="surrogatepass"))
        return self._digest(msgspec.json.encode(value))

    def _maybe(self, value: Any) -> Any:
        return None if value is None else self._hashed(value)

    def _digest(self, value: bytes) -> str:
        return hashlib.blake2b(value, digest_size=_DIGEST_BYTES, key=self._key).hexdigest()


_MESSAGE_TEXTS = ("content", "name", "tool_calls")


def _replacing(fields: Mapping[str, _Change]) -> _Change:
    def change(event: Any) -> Any:
        held = {name: getattr(event, name) for name in fields}
        changed = {name: fields[name](value) for name, value in held.items() if value is not None}
        return msgspec.structs.replace(event, **changed)

    return change


def _dropping(field: msgspec.structs.FieldInfo) -> _Change:
    if field.default_factory is not msgspec.NODEFAULT:
        factory = field.default_factory
        return lambda _: factory()
    if field.default is not msgspec.NODEFAULT:
        default = field.default
        return lambda _: default
    return lambda value: type(value)()


def _emptied(value: Any) -> Any:
    if isinstance(value, list):
        return [_emptied(item) for item in value]
    return Message(role=value.role) if isinstance(value, Message) else ""
