""".env.example documents what docker-compose.yml asks for, and chooses what fits together."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.deploy.compose_file import (
    COMPOSE,
    EXAMPLE,
    PROFILES,
    VARIABLE,
    UnsetVariableError,
    interpolated,
    pairs,
    raw,
    settings_file,
    variables,
)

READ_BY_COMPOSE = {"COMPOSE_PROFILES"}
NO_COMMENTS = re.sub(r"^\s*#.*$", "", COMPOSE.read_text(), flags=re.MULTILINE)


def test_each_variable_is_documented_and_no_other() -> None:
    asked = {found[0] for found in VARIABLE.findall(NO_COMMENTS)}
    assert {name for name, _ in pairs()} == asked | READ_BY_COMPOSE
    assert NO_COMMENTS.count("$") == len(VARIABLE.findall(NO_COMMENTS))


def test_defaults_are_those_of_the_compose_file() -> None:
    defaults = {name: text for name, kind, text in VARIABLE.findall(NO_COMMENTS) if kind == "-"}
    shown = dict(pairs())
    assert {name: shown[name] for name in defaults} == defaults


def test_each_profile_has_its_settings() -> None:
    named = [value for name, value in pairs() if name == "COMPOSE_PROFILES"]
    assert sorted(named) == sorted(PROFILES)
    found = {profile for row in raw()["services"].values() for profile in row.get("profiles", [])}
    assert found == set(PROFILES)
    assert all(settings_file(profile).is_file() for profile in PROFILES)


def test_one_profile_is_chosen() -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and line[0] != "#"]
    chosen = dict(line.split("=", 1) for line in lines)
    assert chosen.pop("GRAFANA_ADMIN_PASSWORD") == ""
    expected = variables(chosen["COMPOSE_PROFILES"])
    assert chosen == {name: expected[name] for name in chosen}


@pytest.mark.parametrize("name", ["SETTINGS_FILE", "GRAFANA_ADMIN_PASSWORD"])
def test_without_env_one_is_told_what_to_do(name: str) -> None:
    given = variables("gpu")
    del given[name]
    with pytest.raises(UnsetVariableError, match=f"{name}: run scripts/secrets"):
        interpolated(yaml.safe_load(COMPOSE.read_text()), given)
