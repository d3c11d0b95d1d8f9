"""Every command of README.md and of the tutorial is run as it stands, but for its ports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from streams.broker import default_cache, kafka_version, libs
from streams.broker.ports import free_port_run
from tests.docs.blocks import ROOT, Command, commands
from tests.docs.running import Checkout, Result, told

README, TUTORIAL = ROOT / "README.md", ROOT / "docs" / "tutorial.md"
WITHIN_S = 200.0

SKIPPED = {
    "scripts/setup": "installs packages on this machine; CI begins with it",
    "scripts/demo": "installs packages; the demo has tests of its own",
    "scripts/test": "runs all tests, this one too",
    "scripts/chaos": "kills three brokers for minutes; tests/chaos",
    "scripts/fuzz": "runs for minutes; tests/fuzz",
    "scripts/soak": "runs for an hour; tests/soak",
    "scripts/docs": "tests/docs/test_site.py builds the site",
    "scripts/check": "is the checks of this code themselves",
    "scripts/secrets": "writes keys for compose; tests/test_compose.py",
    "docker compose": "needs an engine; tests/test_compose.py checks the file",
    "docker build": "needs an engine",
    "kubectl": "needs a cluster",
    "zeta bench": "measures for minutes; tests/agents/comparison",
}
"""Commands that aren't run here, by how they begin, with the reason."""


ENDLESS = {
    "zeta up": "in the block above",
    "zeta up --metrics-port 9100": "tests/loop/test_cli_up.py",
    "zeta run archiver": "a part of zeta up",
}
"""Commands that run until they are ended, where a table names them."""


MAY_END_WITH_1 = ("zeta whatif",)
"""It does so, and says why, where the log holds too little to judge by: here it is a minute old."""


def _reason(command: Command) -> str | None:
    if command.text in ENDLESS:
        return ENDLESS[command.text]
    return next((why for start, why in SKIPPED.items() if command.text.startswith(start)), None)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A home with a broker that all pages share, and its port."""
    libs()  # fetched once for all tests
    home = tmp_path_factory.mktemp("home")
    kafka = home / ".zeta" / "kafka"
    kafka.mkdir(parents=True)
    (kafka / f"kafka-{kafka_version()}").symlink_to(default_cache() / f"kafka-{kafka_version()}")
    yield home, free_port_run(2)
    stop = [sys.executable, "-m", "agents.cli", "kafka", "stop"]
    variables = {"ZETA_HOME": str(home / ".zeta"), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    subprocess.run(stop, env=variables, check=True, capture_output=True)


@pytest.fixture(scope="module")
def checkout(home: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("checkout") / "zeta", *home)


def _run(checkout: Checkout, page: Path, **variables: str) -> list[Result]:
    given = [each for each in commands(page) if _reason(each) is None]
    well, results = checkout.run(given, WITHIN_S, MAY_END_WITH_1, **variables)
    assert results, f"{page.name} has no commands"
    assert well, told(results, len(given))
    return results


@pytest.mark.timeout(330)
def test_the_readme(checkout: Checkout) -> None:
    _run(checkout, README, ZETA_ARCHIVE_ROLL_S="1")


@pytest.mark.timeout(330)
def test_the_tutorial(checkout: Checkout) -> None:
    # They have tests of their own, and the tutorial has no use for them.
    unused = {"ZETA_GATEWAY_ENABLED": "false", "ZETA_DASHBOARD_ENABLED": "false"}
    results = _run(checkout, TUTORIAL, **unused)
    rules = [each.output for each in results if each.command.text.startswith("zeta rules --task")]
    assert [_leader(text) for text in rules] == ["chat-7b-code", "chat-14b"]


def _leader(table: str) -> str:
    """The model in the first row of a rule's table."""
    rows = [line for line in table.splitlines() if line.startswith("│")]
    return rows[0].split("│")[1].strip()


@pytest.mark.parametrize("page", [README, TUTORIAL], ids=lambda page: page.name)
def test_what_is_skipped_exists(page: Path) -> None:
    for command in commands(page):
        if _reason(command) is None:
            continue
        word = command.text.split()[0]
        if word.startswith("scripts/"):
            assert (ROOT / word).stat().st_mode & 0o111, f"{command}: no such program"
        if command.text.startswith("docker compose"):
            assert yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
