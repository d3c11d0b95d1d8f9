"""What every role's process tells beside its own meters: memory, time, files, version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from streams.instruments import Level


def describe_process(
    registry: CollectorRegistry, role: str, unready: Callable[[], Sequence[str]]
) -> None:
    """Registers the process's own: ``process_*``, ``python_*``, its build, and its readiness."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    Level(
        registry,
        "zeta_build_info",
        "1: the role of this process and the version of the code.",
        ["role", "version"],
        lambda: {(role, version("zeta-router")): 1.0},
    )
    Level(
        registry,
        "zeta_ready",
        "1 while /readyz says so, else 0.",
        read=lambda: {(): float(not unready())},
    )
