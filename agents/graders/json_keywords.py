"""JSON Schema's keywords that hold patterns, matched in linear time.

jsonschema matches them with ``re``, where an unlucky pattern and an answer can take for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import ValidationError
from jsonschema.protocols import Validator

from agents.graders.linear import found

Errors = Iterator[ValidationError]


def _pattern(validator: Validator, pattern: str, instance: Any, _schema: Any) -> Errors:
    if validator.is_type(instance, "string") and not found(pattern, instance):
        yield ValidationError(f"{pattern!r} doesn't match")


def _pattern_properties(
    validator: Validator, patterns: Mapping[str, Any], instance: Any, _schema: Any
) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    for pattern, schema in patterns.items():
        for name, value in instance.items():
            if found(pattern, name) and not validator.evolve(schema=schema).is_valid(value):
                yield ValidationError(f"{name!r} isn't as {pattern!r} wants it")


def _additional_properties(
    validator: Validator, allowed: Any, instance: Any, schema: Mapping[str, Any]
) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in known or any(found(pattern, name) for pattern in patterns):
            continue
        if not validator.evolve(schema=allowed).is_valid(value):
            yield ValidationError(f"{name!r} isn't expected")


LINEAR = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}
"""For ``jsonschema.validators.extend``."""
