"""Settings for tests: a good file, and ways to change it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from streams.settings import Settings, load

GOOD = """
[kafka]
bootstrap = "broker:9092"
partitions = 2
[models.a]
endpoint = "http://a:80"
protocol = "tgi"
serves = ["chat"]
[models."b-0.6"]
endpoint = "http://b:80"
protocol = "openai"
serves = ["chat", "embedding"]
vector_space = "b"
[tasks.code]
prior = { a = 0.25, "b-0.6" = 0.75 }
[routing]
default_task = "code"
"""

ONE_MODEL = """
[models.a]
endpoint = "http://127.0.0.1:1"
protocol = "tgi"
serves = ["chat"]
[tasks.reasoning]
"""


def loaded(
    folder: Path,
    text: str,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> Settings:
    """The text's settings, from a ``zeta.toml`` in the folder."""
    path = folder / "zeta.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, environment or {}, flags)


def with_line(section: str, line: str) -> str:
    """The good settings with one more line, instead of its key's, in the section."""
    key = line.partition("=")[0].strip()
    out, inside = [], False
    for row in GOOD.splitlines():
        if row.startswith("["):
            inside = row == f"[{section}]"
        if not (inside and row.partition("=")[0].strip() == key):
            out.append(row)
        if row == f"[{section}]":
            out.append(line)
    return "\n".join(out)
