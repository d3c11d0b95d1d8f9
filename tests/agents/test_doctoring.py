"""What ``zeta doctor`` says of a machine, its settings and its models; the broker is elsewhere."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from aiohttp import web

from agents.doctoring import configured, machine
from agents.doctoring.clocks import judged as clock_judged
from agents.doctoring.endpoints import endpoints
from agents.doctoring.examining import examine
from agents.doctoring.finding import Finding, State
from agents.doctoring.groups import BEHIND, Group, judged
from agents.simulation.profile import SimModel
from agents.simulation.server import serve
from streams.settings import (
    Archive,
    Dashboard,
    Gateway,
    Kafka,
    Metrics,
    Model,
    Settings,
    SettingsError,
)

SECRET = "sk-a-token-that-nobody-may-see"


def _states(found: Iterator[Finding] | list[Finding]) -> list[State]:
    return [finding.state for finding in found]


def test_a_python_that_is_too_old() -> None:
    assert machine.python((3, 10, 4)).state == "fail"
    assert machine.python((3, 11, 0)).state == "ok"


def test_packages_that_lack() -> None:
    versions = {"old": "1.9.1", "good": "2.10.0rc1"}

    def version_of(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    wanted = ["old>=1.10", "good>=2.9", "gone>=1", 'extra>=1; extra == "dev"']
    found = machine.packages(wanted, version_of)
    assert found.state == "fail"
    assert found.says == "old 1.9.1 is older than 1.10; gone is missing"
    assert machine.packages(["good[x]>=2.10"], version_of).state == "ok"
    assert machine.packages().state == "ok"


def test_a_machine_without_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert machine.java(None).state == "ok"
    monkeypatch.setenv("PATH", str(tmp_path))
    found = machine.java(Settings(kafka=Kafka(bootstrap="kafka.example:9092")))
    assert found.state == "warn", "an outside broker needs none"
    assert "Java 17" in found.says
    assert "kafka.example:9092" in found.do


def test_a_machine_without_a_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = machine.sandbox()
    assert found.state == "warn"
    assert "bubblewrap" in found.says


@pytest.mark.parametrize(("free", "state"), [(50 * 2**20, "fail"), (2**30, "warn"), (2**40, "ok")])
def test_a_disk_that_is_full(free: int, state: State, tmp_path: Path) -> None:
    settings = Settings(archive=Archive(directory=str(tmp_path / "not" / "made" / "yet")))
    found = list(machine.disks(settings, {"ZETA_HOME": str(tmp_path)}, lambda _: free))
    assert _states(found) == [state, state]
    assert "archive.directory" in found[1].do or state == "ok"


def test_an_object_store_is_not_asked() -> None:
    settings = Settings(archive=Archive(directory="s3://bucket/archive"))
    *_, found = machine.disks(settings, {}, lambda _: 2**40)
    assert (found.area, found.state) == ("archive directory", "ok")


def test_secrets_are_looked_for_and_never_told(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(SECRET)
    settings = Settings(
        models={
            "a": Model(protocol="tgi", serves=["chat"], token_variable="A_TOKEN"),
            "b": Model(protocol="tgi", serves=["chat"], token_file=str(token)),
            "c": Model(protocol="tgi", serves=["chat"], token_file=str(tmp_path / "none")),
        },
    )
    found = list(configured.secrets(settings, {"OTHER": SECRET}))
    assert _states(found) == ["fail", "fail", "ok"]
    assert "A_TOKEN is not set" in found[0].says
    assert "1 secrets" in found[2].says
    assert SECRET not in str(found)


def test_a_server_that_would_be_open_to_all() -> None:
    settings = Settings(gateway=Gateway(host="0.0.0.0"), dashboard=Dashboard(enabled=False))
    (found,) = configured.servers(settings, lambda *_: True, lambda *_: False)
    assert found.state == "fail"
    assert "open to everybody" in found.says


def test_ports_that_are_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = Settings(gateway=Gateway(port=port), dashboard=Dashboard(port=0))
        (found,) = configured.servers(settings, answers=lambda *_: False)
        assert (found.area, found.state) == ("gateway", "warn")
        (ours,) = configured.servers(settings, answers=lambda *_: True)
        assert ours.state == "ok"
    (free,) = configured.servers(settings)
    assert free.says == f"port {port} is free"


def test_each_role_has_its_metrics_port() -> None:
    settings = Settings(
        gateway=Gateway(enabled=False), dashboard=Dashboard(enabled=False), metrics=Metrics(port=9)
    )
    asked: list[int] = []

    def is_free(_: str, port: int) -> bool:
        asked.append(port)
        return True

    areas = [found.area for found in configured.servers(settings, is_free)]
    assert areas[:2] == ["metrics of router", "metrics of grader"]
    assert asked == list(range(9, 9 + len(asked)))


async def test_model_servers() -> None:
    keyed = await serve(SimModel(name="keyed", protocol="tgi"), key=SECRET)
    plain = await serve(SimModel(name="plain", protocol="tgi"))
    broken = await _broken()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        rows = {
            "plain": (plain.base_url, ""),
            "keyed": (keyed.base_url, "KEY"),
            "refused": (keyed.base_url, "WRONG"),
            "without": (keyed.base_url, "MISSING"),
            "loading": (f"http://127.0.0.1:{broken.addresses[0][1]}", ""),
            "dead": (dead, ""),
        }
        settings = Settings(
            models={
                name: Model(endpoint=url, protocol="tgi", serves=["chat"], token_variable=variable)
                for name, (url, variable) in rows.items()
            }
        )
        environment = {"KEY": SECRET, "WRONG": SECRET[::-1]}
        found = await endpoints(settings, environment)
    assert _states(found) == ["ok", "ok", "fail", "fail", "fail", "fail"]
    assert [finding.area for finding in found] == [f"model {name}" for name in rows]
    assert "refuses" in found[2].says
    assert "MISSING" not in found[3].says or "not set" in found[3].says
    assert "503" in found[4].says or "health" in found[4].says
    assert "models.dead.endpoint" in found[5].do
    assert SECRET not in str(found)
    for sim in (keyed, plain):
        await sim.stop()
    await broken.cleanup()


async def _broken() -> web.AppRunner:
    async def health(_: web.Request) -> web.Response:
        return web.Response(status=503, text="loading")

    app = web.Application()
    app.add_routes([web.get("/health", health)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


@pytest.mark.parametrize(
    ("ahead_ms", "state", "words"),
    [
        (400, "ok", "agree"),
        (-999, "ok", "agree"),
        (5_000, "warn", "5.0 s ahead of"),
        (-5_000, "warn", "5.0 s behind"),
        (61_000, "fail", "61.0 s ahead of"),
    ],
)
def test_a_clock_that_is_off(ahead_ms: int, state: State, words: str) -> None:
    found = clock_judged(ahead_ms, Settings())
    assert found.state == state
    assert words in found.says


def test_what_is_said_of_the_groups() -> None:
    idle = judged([Group("router", 0, 3), Group("grader", 0, 0)])
    assert [(one.state, one.do) for one in idle] == [("warn", "run zeta up")]
    well = judged([Group("router", 2, 3), Group("grader", 1, BEHIND)])
    assert _states(well) == ["ok"]
    (missing,) = judged([Group("router", 2, 3), Group("grader", 0, 7)])
    assert "no process of grader runs; 7 records" in missing.says
    (behind,) = judged([Group("router", 2, BEHIND + 1)])
    assert "router is behind" in behind.says


def test_settings_that_cannot_be_read_end_it_there() -> None:
    error = SettingsError("zeta.toml", "kafka.bootstrop", "is no key")
    found = examine(error, "zeta.toml", {}, lambda: 0)
    assert found[-1].area == "settings"
    assert found[-1].state == "fail"
    assert "kafka.bootstrop" in found[-1].says
    assert "broker" not in {finding.area for finding in found}
