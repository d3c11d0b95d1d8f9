"""What each role counts for Prometheus: a file per role, and the catalogue of all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.metering.worker import ModelMeters

if TYPE_CHECKING:
    from agents.metering.listing import Meter

__all__ = ["ModelMeters", "catalogue"]


def catalogue() -> list[Meter]:
    """Every metric of every role, by name: (name, type, labels, help, roles)."""
    from agents.metering.listing import meters  # it reads what only some roles need

    return meters()
