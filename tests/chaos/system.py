"""The system under chaos: its settings, and its topics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streams.settings import Settings, load
from tests.chaos.models import Models
from tests.loop.system import Tables, toml

TASKS = ("code", "reasoning")
LIMIT_S = 1800.0
"""Of queries that must be answered: longer than any run."""


def tables(
    bootstrap: str, models: Models, names: tuple[str, ...], home: Path, archive: Path
) -> Tables:
    """The settings' sections."""
    found: Tables = {
        "kafka": {"bootstrap": bootstrap, "prefix": "chaos-", "partitions": 3},
        "routing": {"default_task": TASKS[0], "retry_first_s": 0.2, "retry_longest_s": 2.0},
        "windows": {"size_s": 2.0, "panes": 2, "lateness_s": 0.5, "tick_s": 0.25},
        "feedback": {"index_dir": str(home / "index")},
        "archive": {"directory": str(archive), "roll_s": 5.0},
    }
    for task in TASKS:
        found[f"tasks.{task}"] = {"needs": "chat", "time_limit_s": LIMIT_S}
    for name in names:
        found[f"models.{name}"] = _model(models, name)
    return found


def _model(models: Models, name: str) -> dict[str, Any]:
    return {
        "endpoint": models.endpoint(name),
        "protocol": models.protocol(name),
        "serves": ["chat"],
        "retries": 1,
        "timeout_s": 6.0,
        "concurrency": 6,
    }


def write_settings(file: Path, sections: Tables) -> Settings:
    """Writes the settings file, and reads it as every process will."""
    text = (
        f"[{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in table.items())
        for name, table in sections.items()
    )
    file.write_text("\n".join(text))
    return load(file, {})
