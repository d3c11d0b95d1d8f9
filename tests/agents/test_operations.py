"""A role's own port: what it says, to whom, and when it can't be had."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from agents.operations import MetricsPortError, Place, place_of, ports_of, serving
from streams.app import RoleApp
from streams.broker.ports import free_ports
from streams.metering import RoleMeters
from streams.settings import Metrics, SettingsError

KEY = "k3y-of-sixteen-or-more"


@dataclass
class FakeApp:
    """What the server needs of an App."""

    missing: list[str] = field(default_factory=list)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def unready(self) -> list[str]:
        return self.missing


@asynccontextmanager
async def served(app: FakeApp, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    place = Place("127.0.0.1", free_ports(1)[0], key)
    async with serving(cast(RoleApp, app), "router", place):
        base = f"http://{place.host}:{place.port}"
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            yield client


async def test_readyz_tells_what_is_missing_and_healthz_that_the_loop_turns() -> None:
    app = FakeApp(["the start is not complete"])
    async with served(app) as client:
        refused = await client.get("/readyz")
        assert refused.status_code == 503
        told = {"role": "router", "ready": False, "missing": ["the start is not complete"]}
        assert refused.json() == told
        assert (await client.get("/healthz")).status_code == 200
        assert "zeta_ready 0.0" in (await client.get("/metrics")).text
        app.missing = []
        assert (await client.get("/readyz")).json() == {
            "role": "router",
            "ready": True,
            "missing": [],
        }
        assert (await client.get("/readyz")).status_code == 200
        assert "zeta_ready 1.0" in (await client.get("/metrics")).text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain; version="),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
async def test_metrics_come_in_the_format_that_is_asked_for(accept: str, kind: str) -> None:
    app = FakeApp()
    RoleMeters(app.registry).consumed.add("queries", by=3)
    async with served(app) as client:
        got = await client.get("/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"})
    assert got.headers["content-type"].startswith(kind)
    assert got.headers["content-encoding"] == "gzip"
    assert 'zeta_records_consumed_total{topic="queries"} 3.0' in got.text
    if "openmetrics" not in kind:
        names = {family.name for family in text_string_to_metric_families(got.text)}
        assert {"zeta_build_info", "process_resident_memory_bytes", "python_info"} <= names


async def test_with_a_key_metrics_are_its_holders_and_health_is_everybodys() -> None:
    async with served(FakeApp(), KEY) as client:
        assert (await client.get("/metrics")).status_code == 401
        wrong = {"Authorization": "Bearer wrong"}
        assert (await client.get("/metrics", headers=wrong)).status_code == 401
        right = {"Authorization": f"Bearer {KEY}"}
        assert (await client.get("/metrics", headers=right)).status_code == 200
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = Place("127.0.0.1", int(taken.getsockname()[1]))
        with pytest.raises(MetricsPortError, match=f"--metrics-port {place.port}.*take another"):
            async with serving(cast(RoleApp, FakeApp()), "router", place):
                pass


async def test_a_loop_that_hangs_answers_nothing() -> None:
    async with served(FakeApp()) as client:
        url = f"{client.base_url}/healthz".replace("//healthz", "/healthz")
        with httpx.Client(trust_env=False, timeout=0.3) as outside:
            asking = asyncio.get_running_loop().run_in_executor(None, outside.get, url)
            hang_until(asking.done, 0.6)
            with pytest.raises(httpx.ReadTimeout):
                await asking
        assert (await client.get("/healthz")).status_code == 200


def hang_until(happened: Callable[[], bool], longest_s: float) -> None:
    """Keeps the loop from turning."""
    deadline = time.monotonic() + longest_s
    while not happened() and time.monotonic() < deadline:
        pass


async def test_port_0_serves_nothing() -> None:
    app: Any = FakeApp()
    async with serving(app, "router", Place("127.0.0.1", 0)):
        assert not list(app.registry.collect())


def test_the_flag_wins_over_the_settings() -> None:
    section = Metrics(port=9100)
    assert place_of(section, None, {}) == Place("127.0.0.1", 9100)
    assert place_of(section, 9200, {}) == Place("127.0.0.1", 9200)
    assert place_of(section, 0, {}).port == 0
    assert ports_of(section, None, 3) == [9100, 9101, 9102]
    assert ports_of(section, 9200, 2) == [9200, 9201]
    assert ports_of(section, 0, 2) == [0, 0]
    assert ports_of(Metrics(), None, 2) == [0, 0]
    with pytest.raises(MetricsPortError, match="3 roles need as many ports"):
        ports_of(section, 65_534, 3)


def test_elsewhere_than_on_loopback_it_wants_a_key() -> None:
    section = Metrics(host="0.0.0.0", port=9100)
    with pytest.raises(SettingsError, match=r"metrics\.key_variable or metrics\.key_file"):
        place_of(section, None, {})
    assert place_of(Metrics(host="0.0.0.0"), None, {}).port == 0, "nothing is served"
    keyed = Metrics(host="0.0.0.0", port=9100, key_variable="METRICS_KEY")
    assert place_of(keyed, None, {"METRICS_KEY": KEY}).key == KEY
    with pytest.raises(SettingsError, match="16 characters"):
        place_of(keyed, None, {"METRICS_KEY": "short"})
    with pytest.raises(SettingsError, match="METRICS_KEY is not set"):
        place_of(keyed, None, {})
