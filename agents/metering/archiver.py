"""What an archiver counts: what is in the archive now, and how long something has waited."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from streams.instruments import Count, Level


class ArchiverMeters:
    """One archiver's; topics are those that it reads.

    Args:
        registry: where they are registered.
        oldest_s: how long ago the oldest record came that isn't in a file yet.
    """

    def __init__(self, registry: CollectorRegistry, oldest_s: Callable[[], float]) -> None:
        topic = ["topic"]
        self._rows = Count(registry, "zeta_archived_rows_total", "Records in files.", topic)
        self._files = Count(registry, "zeta_archived_files_total", "Files published.", topic)
        self._bytes = Count(registry, "zeta_archived_bytes_total", "What files take.", topic)
        Level(
            registry,
            "zeta_unarchived_seconds",
            "How long ago the oldest record was read that isn't in a file yet.",
            read=lambda: {(): oldest_s()},
        )

    def published(self, topic: str, rows: int, size: int) -> None:
        """Counts a file of so many rows and bytes."""
        self._files.add(topic)
        self._rows.add(topic, by=rows)
        self._bytes.add(topic, by=size)
