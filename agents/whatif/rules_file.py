"""A target of fixed weights: a file of rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import msgspec

from agents.whatif.choices import Choice

Weights = Mapping[str, float]


class RulesFileError(ValueError):
    """A rules file can't be used; one sentence that names the file and the place."""


class _Rule(msgspec.Struct):
    """What is needed of a rule as ``zeta rules --json`` prints it."""

    task: str
    weights: dict[str, float]


class FixedRules:
    """The same weights at all times; ``tasks`` are those that it has any for."""

    def __init__(self, name: str, weights: Mapping[str, Weights]) -> None:
        self.name = name
        self._weights = weights

    @property
    def tasks(self) -> list[str]:
        """Sorted."""
        return sorted(self._weights)

    def weights(self, choice: Choice) -> Weights | None:
        """See ``agents.whatif.tables.Target``."""
        return self._weights.get(choice.task)


def read_rules(path: Path) -> FixedRules:
    """The rules in a file: as ``zeta rules --json`` prints them, or task -> model -> weight.

    Of several rules for one task the last one counts, as on the topic.

    Raises:
        RulesFileError: it can't be read, isn't that, has no rule, or a weight makes no sense.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RulesFileError(f"{path}: can't be read: {error.strerror}") from error
    found = _parsed(path, text)
    if not found:
        raise RulesFileError(f"{path}: has no rules")
    for task, weights in found.items():
        _check(path, task, weights)
    return FixedRules(str(path), found)


def _parsed(path: Path, text: bytes) -> dict[str, dict[str, float]]:
    try:
        return msgspec.json.decode(text, type=dict[str, dict[str, float]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # not the short form
    try:
        if text.lstrip().startswith(b"["):
            rules = msgspec.json.decode(text, type=list[_Rule])
        else:
            rules = msgspec.json.Decoder(_Rule).decode_lines(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RulesFileError(
            f"{path}: neither lines of `zeta rules --json` nor "
            f'{{"task": {{"model": weight}}}}: {error}'
        ) from error
    return {rule.task: rule.weights for rule in rules}


def _check(path: Path, task: str, weights: Weights) -> None:
    for model, weight in weights.items():
        if weight < 0 or not math.isfinite(weight):
            raise RulesFileError(f"{path}: {task}: {model}: a weight of {weight:g}")
    if sum(weights.values()) <= 0:
        raise RulesFileError(f"{path}: {task}: no model has any weight")
