"""What changed between two versions of the events' JSON Schemas, and what of it breaks. Pure.

A change breaks when code of today can't read a record of then, reads another meaning into it, or
when a reader of then can't read records of today for want of a field. What only an old reader
would refuse, because it takes less (a new value of an enumeration, a wider type), is told as well:
readers are to be updated before writers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.contract import Schema
from schemas.contract_kinds import Kinds, kinds_of, lower_bound, resolve, taker, upper_bound

_LENGTHS = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_READERS_FIRST = "update readers before writers"


@dataclass(frozen=True)
class Change:
    """One difference. ``field`` is a path (``decision.model``, ``stop[]``), empty: the event."""

    event: str
    field: str
    breaks: bool
    what: str

    def __str__(self) -> str:
        """``Query.task: …``."""
        return f"{'.'.join(filter(None, (self.event, self.field)))}: {self.what}"


def changes(then: Mapping[str, Schema], now: Mapping[str, Schema]) -> list[Change]:
    """The differences between the schemas of ``then`` and ``now``, each by the event's name."""
    found = []
    for event, schema in sorted(then.items()):
        if event not in now:
            found.append(Change(event, "", breaks=True, what="the event is gone"))
            continue
        pair = _Pair(event, schema, now[event])
        found += dict.fromkeys(pair.compared(schema, now[event], ""))
    return found


@dataclass(frozen=True)
class _Pair:
    """One event then and now; each of the two schemas holds its own ``$defs``."""

    event: str
    then: Schema
    now: Schema

    def compared(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        """The differences of one value's schemas."""
        old_kinds = kinds_of(resolve(old, self.then), self.then)
        new_kinds = kinds_of(resolve(new, self.now), self.now)
        for kind, was in old_kinds.items():
            name = taker(kind, new_kinds)
            if name is None:
                yield self._breaks(path, f"type narrowed: it no longer takes {kind}")
            elif name != "any":
                yield from self._values(was, new_kinds[name], path)
        yield from self._widened(old_kinds, new_kinds, path)

    def _widened(self, old: Kinds, new: Kinds, path: str) -> Iterator[Change]:
        added = [kind for kind in new if taker(kind, old) is None]
        if added and "any" not in old:
            yield self._told(path, f"type widened: it also takes {', '.join(added)}")

    def _values(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        yield from self._enumeration(old, new, path)
        yield from self._limits(old, new, path)
        for key in ("pattern", "contentEncoding"):
            if new.get(key) != old.get(key) and new.get(key) is not None:
                yield self._breaks(path, f"{key} is {new[key]!r} now, and was {old.get(key)!r}")
        if "items" in old or "items" in new:
            yield from self.compared(old.get("items", {}), new.get("items", {}), f"{path}[]")
        if "properties" in old or "properties" in new:
            yield from self._fields(old, new, path)
        else:
            yield from self._mapping(old, new, path)

    def _enumeration(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        was, now = old.get("enum"), new.get("enum")
        if now is None:
            return
        if was is None:
            yield self._breaks(path, f"type narrowed: it takes only {', '.join(map(repr, now))}")
            return
        if gone := [value for value in was if value not in now]:
            yield self._breaks(path, f"value removed: {', '.join(map(repr, gone))}")
        if added := [value for value in now if value not in was]:
            yield self._told(path, f"value added: {', '.join(map(repr, added))}")

    def _limits(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        if lower_bound(new) > lower_bound(old):
            yield self._breaks(path, "limit tightened: the smallest number that it takes")
        if upper_bound(new) < upper_bound(old):
            yield self._breaks(path, "limit tightened: the largest number that it takes")
        for least, most in _LENGTHS:
            if new.get(least, 0) > old.get(least, 0):
                yield self._breaks(path, f"limit tightened: {least} is {new[least]}")
            if most in new and new[most] < old.get(most, float("inf")):
                yield self._breaks(path, f"limit tightened: {most} is {new[most]}")

    def _mapping(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        was, now = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if was is not False and now is False:
            yield self._breaks(path, "it no longer takes other fields")
        elif isinstance(was, dict) or isinstance(now, dict):
            either = [side if isinstance(side, dict) else {} for side in (was, now)]
            yield from self.compared(either[0], either[1], f"{path}.*")
        names = [{"type": "string", **side.get("propertyNames", {})} for side in (old, new)]
        yield from self._values_of_names(names[0], names[1], path)

    def _values_of_names(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        if new not in (old, {"type": "string"}):
            yield self._breaks(path, "the names that it takes are bounded otherwise")

    def _fields(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        was, now = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(needs - needed):
            yield self._breaks(_join(path, name), "required now, and old records may lack it")
        for name in sorted(needed - needs):
            how = "may be left out now" if name in now else "removed"
            yield self._breaks(_join(path, name), f"{how}, and old readers require it")
        for name in sorted(was.keys() - now.keys() - needed):
            what = "removed: what old records hold there is passed over"
            yield Change(self.event, _join(path, name), breaks=False, what=what)
        for name in sorted(was.keys() & now.keys()):
            yield from self._field(was[name], now[name], _join(path, name))
        if old.get("additionalProperties") is not False is new.get("additionalProperties"):
            yield self._breaks(path, "it no longer passes over unknown fields")

    def _field(self, was: Schema, now: Schema, path: str) -> Iterator[Change]:
        yield from self.compared(was, now, path)
        # A default isn't on the wire: another one changes what all old records mean.
        if "default" in was and "default" in now and was["default"] != now["default"]:
            what = f"default changed from {was['default']!r} to {now['default']!r}"
            yield self._breaks(path, f"{what}: old records that leave it out mean something else")

    def _breaks(self, path: str, what: str) -> Change:
        return Change(self.event, path, breaks=True, what=what)

    def _told(self, path: str, what: str) -> Change:
        return Change(self.event, path, breaks=False, what=f"{what}; {_READERS_FIRST}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
