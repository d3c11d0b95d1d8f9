"""The roles by name: what ``zeta run`` can run."""

from __future__ import annotations

from collections.abc import Callable

from agents import aggregator, archiver, dashboard, gateway, grader, router, tuner, worker
from streams.app import RoleApp
from streams.settings import Settings, SettingsError

_BUILDERS: dict[str, Callable[[Settings, str], RoleApp]] = {
    router.ROLE: router.build_router,
    grader.ROLE: grader.build_grader,
    aggregator.ROLE: aggregator.build_aggregator,
    tuner.ROLE: tuner.build_tuner,
}
_FRONTS: dict[str, Callable[[Settings, str], RoleApp]] = {
    gateway.ROLE: gateway.build_gateway,
    dashboard.ROLE: dashboard.build_dashboard,
}
"""Servers for people and programs; a system can do without them."""

_WORKER = f"{worker.ROLE}-"


def role_names(settings: Settings) -> list[str]:
    """Every role that the settings call for, one worker per model."""
    kept = [archiver.ROLE] if settings.archive.directory else []
    fronts = [gateway.ROLE] if settings.gateway.enabled else []
    fronts += [dashboard.ROLE] if settings.dashboard.enabled else []
    return [*_BUILDERS, *kept, *(_WORKER + model for model in settings.models), *fronts]


def build_role(settings: Settings, name: str, replica: str) -> RoleApp:
    """The process of one role; see ``streams.consuming.Intake`` for ``replica``.

    Raises:
        SettingsError: no such role; names those that there are.
    """
    if name.startswith(_WORKER):
        return worker.build_worker(settings, name.removeprefix(_WORKER), replica)
    if name == archiver.ROLE:
        return archiver.build_archiver(settings, replica)
    if name not in _BUILDERS | _FRONTS:
        known = ", ".join(role_names(settings))
        raise SettingsError("zeta run", name, f"no such role; roles are {known}")
    return (_BUILDERS | _FRONTS)[name](settings, replica)
