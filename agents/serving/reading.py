"""A request's body as the struct that it must be, or what is wrong with it, by name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

import msgspec

from agents.serving.bodies import Body
from agents.serving.refusals import Refusal

B = TypeVar("B", bound=Body)

DEEPEST = 100
"""Tables within tables. JSON readers along the way give up between this and a thousand."""

_AT = re.compile(r" - at `(?:key in )?\$(?P<path>.*)`$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*?)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")


@cache
def _decoder(kind: type[Body]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def read(kind: type[B], body: bytes) -> B:
    """The request.

    Raises:
        Refusal: 400, with the name of what is wrong where it has one.
    """
    try:
        request: B = _decoder(kind).decode(body)
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "invalid_json", f"the body is not JSON: {error}") from error
    if _depth_exceeds(msgspec.structs.astuple(request)):
        raise Refusal(400, "invalid_json", f"the body is nested deeper than {DEEPEST}")
    return request


def _refused(problem: str) -> Refusal:
    found = _AT.search(problem)
    path = found["path"].lstrip(".") if found else ""
    what = problem[: found.start()] if found else problem
    if unknown := _UNKNOWN.match(what):
        name = _join(path, unknown["name"])
        return Refusal(400, "unknown_parameter", f"{name} is not known here", param=name)
    if missing := _MISSING.match(what):
        name = _join(path, missing["name"])
        return Refusal(400, "missing_required_parameter", f"{name} is missing", param=name)
    if what.startswith("Expected `null`"):
        return Refusal(400, "unsupported_parameter", f"{path} is not supported", param=path)
    message = f"{path}: {what}" if path else what
    return Refusal(400, "invalid_value", message, param=path or None)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _depth_exceeds(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(DEEPEST):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return False
    return True


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple):
        return value
    return msgspec.structs.astuple(value) if isinstance(value, msgspec.Struct) else ()
