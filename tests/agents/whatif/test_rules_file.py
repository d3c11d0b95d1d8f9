"""Files of rules: every form that is taken, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.whatif.choices import Choice
from agents.whatif.rules_file import RulesFileError, read_rules
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION, encode


def choice(task: str) -> Choice:
    return Choice("q", 1, task, "a", "q", 0, 1, 0.5)


def rule(task: str, **weights: int) -> RoutingRule:
    return RoutingRule(
        task=task,
        version=3,
        weights=weights,
        policy="thompson",
        configuration_digest="d",
        reason="",
    )


LINES = b"\n".join(
    encode(one)
    for one in (
        rule("code", a=MILLION),
        rule("code", a=250_000, b=750_000),
        rule("reasoning", b=MILLION),
    )
)
FORMS = {
    "lines": LINES + b"\n",
    "a list": b"[" + LINES.replace(b"\n", b",") + b"]",
    "short": b'{"code": {"a": 250000, "b": 750000}, "reasoning": {"b": 1e6}}',
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_same_rules(form: str, tmp_path: Path) -> None:
    path = tmp_path / "rules"
    path.write_bytes(FORMS[form])
    found = read_rules(path)
    assert found.tasks == ["code", "reasoning"]
    assert found.weights(choice("code")) == {"a": 250_000, "b": 750_000}
    assert found.weights(choice("embedding")) is None


def test_one_rule_alone_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "rules"
    path.write_bytes(encode(rule("code", a=MILLION)))
    assert read_rules(path).weights(choice("code")) == {"a": MILLION}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "can't be read: No such file"),
        (b"", "has no rules"),
        (b"{}", "has no rules"),
        (b"\xff\x00", "neither lines of"),
        (b'{"task": "code"}', "neither lines of"),
        (b'{"code": {"a": 0}}', "code: no model has any weight"),
        (b'{"code": {}}', "code: no model has any weight"),
        (b'{"code": {"a": -1, "b": 2}}', "code: a: a weight of -1"),
    ],
)
def test_what_is_no_rules_file_is_refused(content: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RulesFileError, match=told) as caught:
        read_rules(path)
    assert str(path) in str(caught.value)
