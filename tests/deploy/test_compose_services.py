"""Each service is what the code really has: roles, commands, variables, ports, files."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
import yaml

from agents.roles import role_names
from agents.simulation.profile import load_profiles
from streams.settings import Dashboard, Gateway, load
from tests.deploy.commands import parsed
from tests.deploy.compose_file import (
    PROFILES,
    ROOT,
    mounted,
    ours,
    roles,
    services,
    settings,
    settings_file,
    variables,
)

EVERY = [pytest.param(profile, id=profile) for profile in PROFILES]
URL = re.compile(r"http://127\.0\.0\.1:\d+/[a-z/-]+")


@pytest.mark.parametrize("profile", EVERY)
def test_each_role_of_the_settings_runs_as_one_service(profile: str) -> None:
    running = roles(profile)
    wanted = role_names(settings(profile, running["archiver"]))
    assert sorted(row["command"][1] for row in running.values()) == sorted(wanted)
    for name, row in running.items():
        assert name == row["command"][1].replace(".", "-")


@pytest.mark.parametrize("profile", EVERY)
def test_each_command_is_one(profile: str) -> None:
    for row in ours(profile).values():
        parsed(row["command"])


@pytest.mark.parametrize("profile", EVERY)
def test_each_variable_is_a_setting(profile: str) -> None:
    for row in ours(profile).values():
        load(settings_file(profile), row["environment"])


@pytest.mark.parametrize("profile", EVERY)
def test_each_file_that_is_mounted_is_there(profile: str) -> None:
    for name, row in services(profile).items():
        for source in mounted(row).values():
            assert not source.startswith((".", "/")) or (ROOT / source).exists(), (name, source)
    assert {mounted(row)["/app/zeta.toml"] for row in roles(profile).values()} == {
        variables(profile)["SETTINGS_FILE"]
    }


@pytest.mark.parametrize("profile", EVERY)
def test_each_secret_that_a_process_reads_is_mounted(profile: str) -> None:
    for name, row in roles(profile).items():
        found = settings(profile, row)
        read = {found.metrics.key_file}
        if name == "gateway":
            read.add(found.gateway.keys_file)
        if name == "dashboard":
            read.add(found.dashboard.key_file)
        if name.startswith("worker-"):
            read.add(found.models[row["command"][1].removeprefix("worker-")].token_file)
        for path in read - {""}:
            assert path.removeprefix("/run/secrets/") in row["secrets"], (name, path)


@pytest.mark.parametrize("profile", EVERY)
def test_each_endpoint_is_a_service_that_serves_that_model(profile: str) -> None:
    running = services(profile)
    for name, model in load(settings_file(profile), {}).models.items():
        url = urlsplit(model.endpoint)
        server = running[str(url.hostname)]
        if profile == "simulated":
            profiles = load_profiles(ROOT / "deploy" / "compose" / "simulated-models.toml")
            first = parsed(server["command"])["port"]
            assert profiles[(url.port or 80) - first].name == name
            assert profiles[(url.port or 80) - first].protocol == model.protocol
        elif model.protocol == "openai":
            words = server["command"]
            assert words[words.index("--alias") + 1] == model.served_name
            assert words[words.index("--port") + 1] == str(url.port)
            assert words[words.index("--parallel") + 1] == str(model.concurrency)
        else:
            assert server["command"] == ["--model-id", model.served_name]
            assert url.port == 80


@pytest.mark.parametrize("profile", EVERY)
def test_each_health_check_asks_where_something_listens(profile: str) -> None:
    for name, row in services(profile).items():
        if name == "topics":
            continue
        text = " ".join(row["healthcheck"]["test"])
        asked = [urlsplit(found) for found in URL.findall(text)]
        if name in roles(profile):
            port = settings(profile, row).metrics.port
            assert [(url.port, url.path) for url in asked] == [(port, "/readyz")], name
        elif name == "simulated-models":
            first = parsed(row["command"])["port"]
            assert [(url.port, url.path) for url in asked] == [(first, "/health")]
        else:
            assert asked or name == "kafka", name


@pytest.mark.parametrize("profile", EVERY)
def test_what_is_published_is_served_and_only_on_this_machine(profile: str) -> None:
    running = services(profile)
    published = {name: row["ports"] for name, row in running.items() if row.get("ports")}
    web: dict[str, Gateway | Dashboard] = {
        "gateway": settings(profile, running["gateway"]).gateway,
        "dashboard": settings(profile, running["dashboard"]).dashboard,
    }
    ports = {name: section.port for name, section in web.items()}
    ports |= {"grafana": 3000, "prometheus": 9090, "kafka": 9094}
    assert published == {name: [f"127.0.0.1:{port}:{port}"] for name, port in ports.items()}
    assert {section.host for section in web.values()} == {"0.0.0.0"}


@pytest.mark.parametrize("profile", EVERY)
def test_the_broker_is_the_one_in_the_settings(profile: str) -> None:
    listeners = services(profile)["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    bootstrap = load(settings_file(profile), {}).kafka.bootstrap
    assert listeners == f"INSIDE://{bootstrap},HOST://127.0.0.1:9094"


def test_the_broker_is_the_version_that_the_tests_run_on() -> None:
    pom = (ROOT / "streams" / "broker" / "pom.xml").read_text()
    version = re.search(r"<kafka.version>(.*)</kafka.version>", pom)
    assert version is not None
    assert services("gpu")["kafka"]["image"] == f"apache/kafka:{version[1]}"


def test_prometheus_scrapes_each_role_of_each_profile() -> None:
    file = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    job = next(row for row in file["scrape_configs"] if row["job_name"] == "zeta")
    found = job["dns_sd_configs"][0]
    assert set(found["names"]) == {name for profile in PROFILES for name in roles(profile)}
    assert {settings(p, row).metrics.port for p in PROFILES for row in roles(p).values()} == {
        found["port"]
    }
    prometheus = services("gpu")["prometheus"]
    key = job["authorization"]["credentials_file"]
    assert key.removeprefix("/run/secrets/") in prometheus["secrets"]
    assert mounted(prometheus)["/etc/prometheus"] == "./deploy/prometheus"


def test_grafana_finds_its_dashboard_and_prometheus() -> None:
    grafana = services("gpu")["grafana"]
    provisioning = ROOT / mounted(grafana)["/etc/grafana/provisioning"]
    boards = yaml.safe_load(next((provisioning / "dashboards").iterdir()).read_text())
    path = boards["providers"][0]["options"]["path"]
    assert list((ROOT / mounted(grafana)[path]).glob("*.json"))
    sources = yaml.safe_load(next((provisioning / "datasources").iterdir()).read_text())
    assert urlsplit(sources["datasources"][0]["url"]).hostname in services("gpu")
