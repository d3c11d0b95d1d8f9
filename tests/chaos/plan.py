"""What a chaos run is made of: sizes, roles, models, and which faults how often. All numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SINGLE_KINDS = (
    "kill-router",
    "kill-worker",
    "kill-aggregator",
    "kill-tuner",
    "kill-grader",
    "kill-archiver",
)
MODEL_KINDS = (
    "model-hangs",
    "model-garbage",
    "model-half-a-response",
    "model-429",
    "model-503",
    "model-down",
)
BROKER_KINDS = ("kill-broker", "kill-controller")


@dataclass(frozen=True)
class Plan:
    """One kind of run.

    ``queries`` records, of which a few are none, at ``rate`` per second; ``roles`` says how many
    processes of each, ``worker`` of each model; the ``*_every_s`` are the mean pauses between
    faults of one sort (0: none), and ``disk_fills`` is how often the archive's disk fills up.
    """

    queries: int = 20_200
    rate: float = 90.0
    models: tuple[str, ...] = ("alpha-7b", "beta-14b", "gamma-4b")
    roles: Mapping[str, int] = field(
        default_factory=lambda: {
            "router": 2,
            "worker": 2,
            "aggregator": 2,
            "tuner": 2,
            "grader": 2,
            "archiver": 2,
        }
    )
    process_every_s: float = 6.0
    model_every_s: float = 10.0
    broker_every_s: float = 40.0
    pause_every_s: float = 45.0
    disk_fills: int = 1

    @property
    def load_s(self) -> float:
        """How long the load lasts, in seconds."""
        return self.queries / self.rate

    def seats(self) -> list[tuple[str, int]]:
        """Every process: its role as ``zeta run`` names it, and its number."""
        found: list[tuple[str, int]] = []
        for role, count in self.roles.items():
            names = [f"worker-{model}" for model in self.models] if role == "worker" else [role]
            found += [(name, number) for name in names for number in range(count)]
        return found


FULL = Plan()
SHORT = Plan(
    queries=2000,
    rate=65.0,
    models=("alpha-7b", "beta-14b"),
    roles={"router": 2, "worker": 1, "aggregator": 2, "tuner": 1, "grader": 1, "archiver": 1},
    process_every_s=4.5,
    model_every_s=8.0,
    broker_every_s=25.0,
    pause_every_s=25.0,
)
