"""The roles by name: what ``zeta run`` can run."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from streams.app import RoleApp
from streams.settings import Settings, SettingsError

CORE = ("router", "grader", "aggregator", "tuner")
ARCHIVER = "archiver"
GATEWAY, DASHBOARD = "gateway", "dashboard"
_WORKER = "worker-"


def role_names(settings: Settings) -> list[str]:
    """Every role that the settings call for, one worker per model."""
    kept = [ARCHIVER] if settings.archive.directory else []
    fronts = [GATEWAY] if settings.gateway.enabled else []
    fronts += [DASHBOARD] if settings.dashboard.enabled else []
    return [*CORE, *kept, *(_WORKER + model for model in settings.models), *fronts]


def build_role(settings: Settings, name: str, replica: str) -> RoleApp:
    """The process of one role; see ``streams.consuming.Intake`` for ``replica``.

    Raises:
        SettingsError: no such role; names those that there are.
    """
    if name.startswith(_WORKER):
        return _builder("worker")(settings, name.removeprefix(_WORKER), replica)
    if name not in (*CORE, ARCHIVER, GATEWAY, DASHBOARD):
        known = ", ".join(role_names(settings))
        raise SettingsError("zeta run", name, f"no such role; roles are {known}")
    return _builder(name)(settings, replica)


def _builder(role: str) -> Callable[..., RoleApp]:
    """``agents.<role>.build_<role>``; a process imports its own role alone (150 against 80 MB)."""
    builder: Callable[..., RoleApp] = getattr(import_module(f"agents.{role}"), f"build_{role}")
    return builder
