"""``zeta whatif --archive``: an archive is as good a log as the broker, whatever is left of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agents.cli import app
from streams.archive.local import LocalStore
from streams.archive.rows import ArchivedRecord
from streams.topics import event_types
from tests.agents.whatif.lived import lived
from tests.agents.whatif.world import World
from tests.streams.archive.records import write_part

RULES = '{"code": {"b": 0.5, "c": 0.5}}'


def archive(world: World, directory: Path, *topics: str) -> None:
    """Publishes topics of the world's log, as an archiver does."""
    for topic in topics:
        types = event_types(topic)
        assert types is not None
        records = [
            ArchivedRecord(record.offset, record.timestamp, None, record.value)
            for record in world.log.topics[topic][0]
        ]
        if records:
            write_part(LocalStore(directory), topic, records, types=types)


def whatif(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["whatif", "--archive", str(directory), *arguments])


def test_an_archive_answers_as_the_log_does(tmp_path: Path) -> None:
    world = lived(500, fails=0.05)
    whole, left = tmp_path / "whole", tmp_path / "left"
    topics = ("metrics", "rules-log", "scores", "controls", "responses", "reroutes")
    archive(world, whole, *topics)
    archive(world, left, "metrics", "rules-log")
    (tmp_path / "rules.json").write_text(RULES)
    asked = ("--rules", str(tmp_path / "rules.json"), "--json")
    found = whatif(whole, *asked, "--policy", "thompson")
    assert found.exit_code == 0, found.output
    rules, thompson = map(json.loads, found.stdout.splitlines())
    assert thompson["all"]["snips"] == thompson["all"]["logged"]
    assert rules["propensities_from"]["decision"] == 500
    (without,) = map(json.loads, whatif(left, *asked).stdout.splitlines())
    assert without["propensities_from"]["rule"] == 500
    for name in ("ips", "snips", "dr"):
        assert without["all"][name]["value"] == pytest.approx(rules["all"][name]["value"])


def test_an_archive_without_windows_has_no_rules_of_a_policy(tmp_path: Path) -> None:
    archive(lived(200), tmp_path, "metrics", "rules-log")
    found = whatif(tmp_path, "--policy", "greedy")
    assert found.exit_code == 1
    assert "the target has rules for no task" in found.stdout


def test_what_is_no_archive_is_one_line(tmp_path: Path) -> None:
    found = whatif(tmp_path, "--policy", "greedy")
    assert found.exit_code == 1
    assert "no topic metrics" in found.stderr
    archive(lived(50), tmp_path, "metrics")
    (part,) = (tmp_path / "metrics").glob("*/*.parquet")
    part.write_bytes(part.read_bytes()[:500])
    torn = whatif(tmp_path, "--policy", "greedy")
    assert torn.exit_code == 1
    assert part.name in torn.stderr
