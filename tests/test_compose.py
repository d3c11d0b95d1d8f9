"""docker-compose.yml against zeta.toml: every role has a service, every endpoint is one."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from agents.roles import role_names
from streams.settings import Settings, load

ROOT = Path(__file__).parents[1]


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


@pytest.fixture
def settings() -> Settings:
    return load(ROOT / "zeta.toml", {})


def test_each_role_runs_as_one_service(services: dict[str, Any], settings: Settings) -> None:
    run = sorted(
        service["command"][1]
        for service in services.values()
        if service.get("command", [None])[0] == "run"
    )
    archiving = load(ROOT / "zeta.toml", services["archiver"]["environment"])
    assert run == sorted(role_names(archiving))
    assert archiving.archive.directory in _mounted(services["archiver"])


def _mounted(service: dict[str, Any]) -> list[str]:
    return [volume.split(":")[1] for volume in service["volumes"]]


def test_each_endpoint_is_a_service(services: dict[str, Any], settings: Settings) -> None:
    for name, model in settings.models.items():
        host = urlsplit(model.endpoint).hostname
        assert host in services, f"models.{name}.endpoint: {host} is no service"
        assert services[host]["command"][:2] == ["--model-id", model.served_name]


def test_roles_wait_for_their_topics(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if service.get("command", [None])[0] == "run":
            waits = service["depends_on"]["topics"]["condition"]
            assert waits == "service_completed_successfully", name


def test_the_broker_is_the_one_in_the_settings(
    services: dict[str, Any], settings: Settings
) -> None:
    listeners = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"INSIDE://{settings.kafka.bootstrap}" in listeners
