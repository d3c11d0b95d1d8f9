"""Java, Maven and the jars: what is missing is said, what is half there never counts."""

import os
import subprocess
from pathlib import Path

import pytest

from streams.broker import BrokerError, kafka_version, libs, start, tool_command


def program(directory: Path, name: str, script: str) -> None:
    """Put a shell script on a PATH of its own."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def assert_names_the_ways_out(error: BrokerError) -> None:
    """One line, with all that a reader could do next."""
    said = str(error)
    assert "\n" not in said
    for way in ("openjdk-17-jre-headless maven", "KAFKA_BOOTSTRAP", "docker compose"):
        assert way in said


def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BrokerError, match="no java on the PATH") as caught:
        start(tmp_path / "broker", cache=tmp_path / "cache")
    assert_names_the_ways_out(caught.value)


@pytest.mark.parametrize(("says", "major"), [("11.0.2", 11), ("1.8.0_392", 8)])
def test_old_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, major: int) -> None:
    program(tmp_path / "bin", "java", f"echo 'openjdk version \"{says}\"' >&2")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(BrokerError, match=f"java is {major}:") as caught:
        start(tmp_path / "broker", cache=tmp_path / "cache")
    assert_names_the_ways_out(caught.value)


def test_no_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BrokerError, match="no mvn on the PATH") as caught:
        libs(tmp_path)
    assert_names_the_ways_out(caught.value)


def test_a_failed_download_shows_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "mvn", "echo '[ERROR] the disk is made of cheese'; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(BrokerError, match="the disk is made of cheese"):
        libs(tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["lock"]


def test_a_killed_download_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / "cache" / ".unfinished-1" / "libs"
    left.mkdir(parents=True)
    (left / f"kafka_2.13-{kafka_version()}.jar").touch()
    jar = 'for last; do :; done; d="${last#*=}"; mkdir -p "$d" && : >"$d/kafka_2.13-new.jar"'
    program(tmp_path / "bin", "mvn", jar)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    fetched = libs(tmp_path / "cache")
    assert [path.name for path in fetched.iterdir()] == ["kafka_2.13-new.jar"]
    assert not left.exists()


def test_kafkas_own_tools_run() -> None:
    command = tool_command("org.apache.kafka.tools.consumer.ConsoleConsumer", "--version")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(kafka_version())
    assert done.stderr == ""
