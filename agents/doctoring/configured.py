"""The settings of this machine's processes: secrets, keys of open servers, ports."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping

import httpx

from agents.doctoring.finding import Finding, fail, ok, warn
from agents.roles import role_names
from agents.serving_key import is_loopback
from streams.connecting import connection
from streams.secret_source import read_secret
from streams.settings import Settings, SettingsError

TIMEOUT_S = 2.0

IsFree = Callable[[str, int], bool]
Answers = Callable[[str, int], bool]


def valid(settings: Settings, source: str) -> Finding:
    """What the settings name, once they have been read without an error."""
    models, tasks = len(settings.models), len(settings.tasks)
    if not models:
        problem = f"{source} names no model, so nothing can be answered"
        return warn("settings", problem, "name a file with some: --config, ZETA_CONFIG")
    return ok("settings", f"{source} is valid: {models} models, {tasks} tasks")


def invalid(error: SettingsError) -> Finding:
    """Settings that can't be used."""
    return fail("settings", str(error), "mend that key; the rest was not looked at")


def secrets(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether each secret is where the settings say; no word of what it is."""
    count = 0
    for key, variable, file in _sources(settings):
        try:
            count += read_secret(key, variable, file, environment) is not None
        except SettingsError as error:
            yield fail("secrets", str(error), f"set what {key}_variable or {key}_file names")
    try:
        connection(settings.kafka, environment)
    except SettingsError as error:
        yield fail("secrets", str(error), "set what the [kafka] keys name")
    if count:
        yield ok("secrets", f"{count} secrets are where the settings say")


def _sources(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for name, model in settings.models.items():
        yield f"models.{name}.token", model.token_variable, model.token_file
    archive = settings.archive
    yield "archive.redact_key", archive.redact_key_variable, archive.redact_key_file
    yield "gateway.keys", settings.gateway.keys_variable, settings.gateway.keys_file
    for key in ("dashboard", "metrics"):
        section = getattr(settings, key)
        yield f"{key}.key", section.key_variable, section.key_file


def servers(
    settings: Settings, is_free: IsFree | None = None, answers: Answers | None = None
) -> Iterator[Finding]:
    """The addresses that our own HTTP servers would take, one finding each."""
    is_free, answers = is_free or _is_free, answers or _answers
    for area, host, port, has_key in _listeners(settings):
        if not is_loopback(host) and not has_key:
            problem = f"would be open to everybody who reaches {host}"
            yield fail(area, problem, "name a key in its section, or set its host to 127.0.0.1")
        elif is_free(host, port):
            yield ok(area, f"port {port} is free")
        elif answers(host, port):
            yield ok(area, f"port {port} is taken by a zeta process that answers")
        else:
            yield warn(
                area, f"port {port} is taken by another program", "end it, or set another port"
            )


def _listeners(settings: Settings) -> Iterator[tuple[str, str, int, bool]]:
    """Area, host, port and whether a key is named; port 0 is never taken."""
    gateway, dashboard, metrics = settings.gateway, settings.dashboard, settings.metrics
    if gateway.enabled and gateway.port:
        keyed = bool(gateway.keys_variable or gateway.keys_file)
        yield "gateway", gateway.host, gateway.port, keyed
    if dashboard.enabled and dashboard.port:
        keyed = bool(dashboard.key_variable or dashboard.key_file)
        yield "dashboard", dashboard.host, dashboard.port, keyed
    if metrics.port:
        keyed = bool(metrics.key_variable or metrics.key_file)
        for place, role in enumerate(role_names(settings)):
            yield f"metrics of {role}", metrics.host, metrics.port + place, keyed


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _answers(host: str, port: int) -> bool:
    shown = f"[{host}]" if ":" in host else host
    reached = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(shown, shown)
    try:
        return httpx.get(f"http://{reached}:{port}/healthz", timeout=TIMEOUT_S).is_success
    except httpx.HTTPError:
        return False
