"""docker-compose.yml as ``docker compose`` reads it: variables filled in, one profile chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from streams.settings import Settings, load

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
PROFILES = ("simulated", "cpu", "gpu")

Service: TypeAlias = dict[str, Any]

# ${NAME}, ${NAME:-default} and ${NAME:?what to do}: the forms that the file uses.
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(?::([-?])([^}]*))?\}")
_ASSIGNMENT = re.compile(r"#?([A-Z0-9_]+)=(.*)")


class UnsetVariableError(LookupError):
    """A variable without a default isn't there."""


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """Every string in it with its variables filled in.

    Raises:
        UnsetVariableError: one has neither a value nor a default.
    """
    if isinstance(value, dict):
        return {key: interpolated(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [interpolated(inner, variables) for inner in value]
    if isinstance(value, str):
        return VARIABLE.sub(lambda found: _value(found, variables), value)
    return value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, rest = found.groups()
    if variables.get(name):
        return variables[name]
    if kind == "-":
        return str(rest)
    raise UnsetVariableError(f"{name}: {rest}")


def pairs() -> list[tuple[str, str]]:
    """The assignments of .env.example in their order, those behind a # too."""
    found = (_ASSIGNMENT.fullmatch(line) for line in EXAMPLE.read_text().splitlines())
    return [(row[1], row[2]) for row in found if row]


def variables(profile: str) -> dict[str, str]:
    """What .env holds when this profile's two lines are the ones without a #."""
    rows = pairs()
    at = rows.index(("COMPOSE_PROFILES", profile))
    return dict([rows[at], rows[at + 1], ("GRAFANA_ADMIN_PASSWORD", "secret")])


@cache
def raw() -> dict[str, Any]:
    """The file as it stands, anchors and merges resolved; not to be changed."""
    found: dict[str, Any] = yaml.load(COMPOSE.read_text(), Loader=yaml.CSafeLoader)
    return found


@cache
def project(profile: str) -> dict[str, Any]:
    """The whole file with the variables of this profile."""
    found: dict[str, Any] = interpolated(raw(), variables(profile))
    return found


def services(profile: str) -> dict[str, Service]:
    """The services that start with this profile, by name."""
    return {
        name: service
        for name, service in project(profile)["services"].items()
        if not service.get("profiles") or profile in service["profiles"]
    }


def ours(profile: str) -> dict[str, Service]:
    """Those that run our image."""
    return {name: row for name, row in services(profile).items() if "build" in row}


def roles(profile: str) -> dict[str, Service]:
    """Those that run a role."""
    return {name: row for name, row in ours(profile).items() if row["command"][0] == "run"}


def settings_file(profile: str) -> Path:
    """The settings that the roles of this profile get."""
    return ROOT / variables(profile)["SETTINGS_FILE"]


def settings(profile: str, service: Service) -> Settings:
    """What the service's process makes of its settings file and its variables."""
    return load(settings_file(profile), service["environment"])


def seconds(text: str) -> float:
    """A duration as compose writes it: ``20s``, ``60m``."""
    return float(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


def mounted(service: Service) -> dict[str, str]:
    """What is mounted, by where it is seen in the container; volumes and files."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return {part[1]: part[0] for part in parts}
