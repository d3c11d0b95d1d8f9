"""docs/security.md has the table of rights as it is in the code, and every key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streams.access import EACH_WORKER, OPERATOR, ROLES, Access
from streams.settings import Kafka

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"


def _names(names: Sequence[str]) -> str:
    return ", ".join("every topic" if name == "*" else f"`{name}`" for name in names) or "-"


def _row(role: str, access: Access) -> str:
    group = "describes every role's" if access.watches else "-"
    group = f"`{role}`" if access.group else group
    return f"| `{role}` | {_names(access.reads)} | {_names(access.writes)} | {group} |"


def rows() -> list[str]:
    """The table's lines, as they must be."""
    worker = Access(reads=("models.<model>", *EACH_WORKER.reads), writes=EACH_WORKER.writes)
    return [
        *(_row(role, access) for role, access in ROLES.items()),
        _row("worker-<model>", worker),
        _row("operator", OPERATOR),
        _row("admin", Access(group=False)),
    ]


def test_the_page_has_the_table() -> None:
    lines = PAGE.read_text().splitlines()
    start = lines.index("| role | reads | writes | consumer group |") + 2
    assert lines[start : start + len(rows()) + 1] == [*rows(), ""]


def test_the_page_has_every_key() -> None:
    page = PAGE.read_text()
    keys = Kafka.__struct_fields__
    for key in keys[keys.index("security_protocol") :]:
        assert f"| `{key}` |" in page
