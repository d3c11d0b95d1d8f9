"""``--filter``: one comparison of one field of a record's JSON.

    path = literal      path != literal      path < literal      <= > >=

A path is names with dots between (``decision.model``); in a list, an index (``messages.0.role``).
What isn't there is null. A literal is JSON (``3``, ``true``, ``null``, ``"a b"``), or else text as
it stands; a text field also equals a literal that is written as it (``session=17``). ``!=`` is
true where ``=`` isn't. The others hold between two numbers or two texts, otherwise never. Blanks
around the parts don't count. A record that isn't JSON, a tombstone included, never matches.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from streams.replay.problem import ReplayUsageError

_TERM = re.compile(r"\s*([^\s=!<>]+)\s*(!=|<=|>=|=|<|>)(.*)", re.DOTALL)
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_decoder = msgspec.json.Decoder()
LONGEST_INDEX = 18


@dataclass(frozen=True)
class Term:
    """One comparison; ``text`` is the literal as it was written, ``literal`` what it says."""

    path: tuple[str, ...]
    operator: str
    text: str
    literal: Any

    def holds(self, event: Any) -> bool:
        """Whether the decoded JSON is as the term says."""
        found = _at(event, self.path)
        if self.operator == "=":
            return self._equals(found)
        if self.operator == "!=":
            return not self._equals(found)
        if isinstance(found, str):
            other = self.literal if isinstance(self.literal, str) else self.text
            return _ORDERS[self.operator](found, other)
        return (
            _is_number(found)
            and _is_number(self.literal)
            and _ORDERS[self.operator](found, self.literal)
        )

    def _equals(self, found: Any) -> bool:
        if isinstance(found, str):
            return found in (self.text, self.literal)
        # True is 1 to Python, not in JSON.
        same_kind = isinstance(found, bool) == isinstance(self.literal, bool)
        return same_kind and bool(found == self.literal)


Matches = Callable[[bytes | None], bool]


def parse_term(text: str) -> Term:
    """One ``--filter``.

    Raises:
        ReplayUsageError: it is no comparison.
    """
    parts = _TERM.fullmatch(text)
    path = tuple(parts[1].split(".")) if parts else ()
    if parts is None or not all(path):
        raise ReplayUsageError(
            f"--filter {text!r}: write PATH=VALUE, as in task=code, decision.model!=small or "
            "response_time_s>=2 (operators = != < <= > >=)"
        )
    written = parts[3].strip()
    if written.startswith("="):
        raise ReplayUsageError(f"--filter {text!r}: equality is one =, as in task=code")
    return Term(path, parts[2], written, _literal(written))


def matcher(filters: Iterable[str]) -> Matches | None:
    """Whether a record's value matches all of the filters; None when there is none.

    Raises:
        ReplayUsageError: one is no comparison.
    """
    terms = [parse_term(text) for text in filters]
    if not terms:
        return None

    def matches(value: bytes | None) -> bool:
        if value is None:
            return False
        try:
            event = _decoder.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return all(term.holds(event) for term in terms)

    return matches


def _literal(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text


def _at(event: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if isinstance(event, dict):
            event = event.get(name)
        elif isinstance(event, list) and name.isdecimal() and len(name) <= LONGEST_INDEX:
            index = int(name)
            event = event[index] if index < len(event) else None
        else:
            return None
    return event


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)
