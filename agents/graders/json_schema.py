"""``json_schema``: the answer is JSON, and valid against the reference's schema."""

from __future__ import annotations

import functools
import json
import re
from typing import Any, NoReturn

import jsonschema
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import NoSuchResource, Unresolvable

from agents.graders.grade import GradeError
from agents.graders.json_keywords import LINEAR
from schemas.query import Reference
from schemas.response import Response

KEPT = 256
LONGEST_KEPT = 16_384
"""So many schemas' validators are kept, of schemas up to so many characters: clients bring them."""

_FENCE = re.compile(r"```(?:json)?[^\S\n]*\n(.*?)```", re.DOTALL | re.IGNORECASE)


def _refuse(uri: str) -> NoReturn:
    raise NoSuchResource(ref=uri)  # type: ignore[call-arg]  # its attrs wrapper hides it


# Nothing is ever fetched: the library's own default asks the network for an unknown reference.
_NO_NETWORK: Registry[Any] = Registry(retrieve=_refuse)  # type: ignore[call-arg]


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def parsed(text: str) -> Any:
    """The JSON that an answer is: its whole text, else its last fenced block.

    Raises:
        ValueError: neither is JSON.
    """
    blocks = _FENCE.findall(text)
    for part in (text, *blocks[-1:]):
        try:
            return json.loads(part, parse_constant=_constant)
        except (ValueError, RecursionError):
            continue
    raise ValueError("neither the answer nor its last fenced block is JSON")


@functools.lru_cache(maxsize=KEPT)
def _validator(text: str) -> Validator:
    """Checked once for each schema: it takes milliseconds, a validation a fraction of one."""
    if "unevaluatedProperties" in text and "patternProperties" in text:
        raise GradeError("reference.value has unevaluatedProperties beside patternProperties")
    try:
        schema = json.loads(text)
        kind: Any = validator_for(schema, default=jsonschema.Draft202012Validator)
        kind.check_schema(schema)
        made: Validator = extend(kind, LINEAR)(schema, registry=_NO_NETWORK)  # type: ignore[no-untyped-call]
    except jsonschema.SchemaError as error:
        raise GradeError(f"reference.value is no JSON Schema: {error.message}") from error
    except (ValueError, TypeError, AttributeError, RecursionError, Unresolvable) as error:
        raise GradeError(f"reference.value is no JSON Schema: {error!r}") from error
    return made


def _schema(reference: Reference) -> str:
    if not isinstance(reference.value, dict | bool):
        raise GradeError(
            f"reference.value of kind 'json_schema' must be a schema, got {reference.value!r}"
        )
    try:
        return json.dumps(reference.value)
    except RecursionError as error:
        raise GradeError("reference.value is nested too deeply") from error


def grade(response: Response, reference: Reference) -> float:
    """1 when the answer is JSON and ``reference.value``, a schema, allows it; else 0.

    The schema's ``$schema`` names its draft (2020-12 without it); ``format`` isn't checked;
    patterns are RE2's.

    Raises:
        GradeError: a bad schema, or one that refers to another document.
    """
    schema = _schema(reference)
    make = _validator if len(schema) <= LONGEST_KEPT else _validator.__wrapped__
    validator = make(schema)
    try:
        answer = parsed(response.text or "")
    except ValueError:
        return 0.0
    try:
        return float(validator.is_valid(answer))
    except Unresolvable as error:
        raise GradeError(f"reference.value refers to what it doesn't hold: {error}") from error
    except RecursionError as error:
        raise GradeError("reference.value refers to itself without an end") from error
