"""What makes a system a sandbox, and which roles run in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.sandboxing import SandboxUsageError, sandbox_flags, sandbox_roles
from streams.settings import Settings, load
from tests.streams.settings_text import ONE_MODEL, loaded

LIVE = """
[kafka]
prefix = "live-"
[archive]
directory = "/var/archive"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return loaded(tmp_path, LIVE + ONE_MODEL)


def inside(tmp_path: Path, settings: Settings, source: str) -> Settings:
    """The settings that its roles get."""
    return load(tmp_path / "zeta.toml", {}, sandbox_flags(settings, "trial", source, 7))


def test_it_has_topics_of_its_own_as_many_partitions_and_no_archiver(
    tmp_path: Path, settings: Settings
) -> None:
    found = inside(tmp_path, settings, "queries")
    assert (found.kafka.prefix, found.kafka.sandbox) == ("live-trial-", True)
    assert found.kafka.partitions == 7
    assert found.windows == settings.windows
    roles = sandbox_roles(found, "queries")
    assert set(roles) == {"router", "grader", "aggregator", "tuner", "worker-a"}


def test_recorded_metrics_bring_their_own_ticks_and_no_model_is_called(
    tmp_path: Path, settings: Settings
) -> None:
    found = inside(tmp_path, settings, "metrics")
    assert found.windows.tick_s > 1e8
    assert sandbox_roles(found, "metrics") == ["aggregator", "tuner"]


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("trial", "scores", "--into-sandbox takes queries (asked again) or metrics"),
        ("tri/al", "queries", "letters, digits, _ and -"),
        ("", "queries", "letters, digits, _ and -"),
        ("x" * 31, "metrics", "letters, digits, _ and -"),
    ],
)
def test_what_is_refused(settings: Settings, name: str, source: str, told: str) -> None:
    with pytest.raises(SandboxUsageError) as error:
        sandbox_flags(settings, name, source, 1)
    assert told in str(error.value)
