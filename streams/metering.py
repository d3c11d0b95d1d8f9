"""What every role counts for Prometheus: what it reads, sends, commits and can't use."""

from __future__ import annotations

from typing import Literal, TypeAlias

from prometheus_client import CollectorRegistry

from streams.instruments import Count, Level

Reason: TypeAlias = Literal[
    "undecodable", "invalid", "too_large", "ungradable", "refused", "misrouted"
]
"""Why a record went to ``dead-letters``.

``undecodable``: no record of its topic; ``invalid``: one that these settings can't use;
``too_large``: what follows from it exceeds ``kafka.max_record_bytes``; ``ungradable``: its
reference isn't one; ``refused``: its window doesn't take it; ``misrouted``: on a partition where
it can't be.
"""


class RoleMeters:
    """The meters of the way in and the way out. Topics are named without the prefix."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.consumed = Count(
            registry, "zeta_records_consumed_total", "Records handed to the role.", ["topic"]
        )
        self.produced = Count(
            registry, "zeta_records_produced_total", "Records given to the producer.", ["topic"]
        )
        self.commits = Count(
            registry,
            "zeta_commits_total",
            "Offset commits: ok, or refused since another member owns the partitions now.",
            ["outcome"],
        )
        self.assignments = Count(
            registry, "zeta_assignments_total", "How often the group gave this member partitions."
        )
        self.dead_letters = Count(
            registry,
            "zeta_dead_letters_total",
            "Records put on dead-letters, by their topic and what was wrong.",
            ["topic", "reason"],
        )
        self.lag = Level(
            registry,
            "zeta_consumer_lag_records",
            "Records on a partition of this member that aren't done yet.",
            ["topic", "partition"],
        )
        self.in_flight = Level(
            registry,
            "zeta_in_flight_records",
            "Records read and not done yet.",
            ["topic"],
        )
