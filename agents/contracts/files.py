"""The files of ``docs/schemas``: made from the code, written, compared, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agents.contracts.asyncapi import document
from schemas.arrow import EVENTS
from schemas.contract import Schema, event_schema

ASYNCAPI = "asyncapi.json"


class ContractError(ValueError):
    """A directory that holds no schemas, or a file that is none; the message names it."""


def contracts() -> dict[str, dict[str, Any]]:
    """Every document, by its file's name: ``asyncapi.json``, ``Query.json``, …"""
    schemas = {f"{event.__name__}.json": event_schema(event) for event in EVENTS}
    return {ASYNCAPI: document(), **schemas}


def as_text(value: Any) -> str:
    """JSON for people, ending in a line break."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def write_contracts(directory: Path) -> list[Path]:
    """Writes every document; the directory is made where it isn't there.

    Raises:
        OSError: it can't be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, value in contracts().items():
        path = directory / name
        path.write_text(as_text(value), "utf-8")
        written.append(path)
    return written


def outdated(directory: Path) -> list[str]:
    """The files that aren't what the code says, or of which the code knows nothing."""
    wanted = {name: as_text(value) for name, value in contracts().items()}
    there = {path.name: path for path in directory.glob("*.json")}
    same = {name for name, path in there.items() if path.read_text("utf-8") == wanted.get(name)}
    return sorted((wanted.keys() | there.keys()) - same)


def read_schemas(directory: Path) -> Mapping[str, Schema]:
    """The events' schemas in a directory, by the event's name.

    Raises:
        ContractError: there are none, or one isn't JSON.
    """
    paths = sorted(path for path in directory.glob("*.json") if path.name != ASYNCAPI)
    if not paths:
        raise ContractError(f"{directory}: no schemas here (zeta schemas --output writes them)")
    return {path.stem: _read(path) for path in paths}


def _read(path: Path) -> Schema:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: {error}") from error
