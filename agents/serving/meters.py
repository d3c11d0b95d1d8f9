"""What the gateway counts for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from streams.instruments import Count, Level, Spread


class GatewayMeters:
    """Requests by path and status; how many wait; how many were given up.

    Args:
        registry: where they are registered.
        waiting: how many requests wait for their answer now.
    """

    def __init__(self, registry: CollectorRegistry, waiting: Callable[[], int]) -> None:
        self._requests = Count(
            registry,
            "zeta_gateway_requests_total",
            "HTTP requests by path and status: 499 when the client left; of a stream that failed "
            "after its headers, the status that it would have had.",
            ["route", "status"],
        )
        self._seconds = Spread(
            registry,
            "zeta_gateway_seconds",
            "From a request to the end of its reply, by path.",
            ["route"],
        )
        self._cancelled = Count(
            registry,
            "zeta_gateway_cancelled_total",
            "Queries given up before their answer: the client left, or time was up.",
        )
        Level(
            registry,
            "zeta_gateway_waiting",
            "Requests that wait for their answer.",
            read=lambda: {(): float(waiting())},
        )

    def served(self, route: str, status: int, seconds: float) -> None:
        """Counts a request that has ended."""
        self._requests.add(route, str(status))
        self._seconds.add(seconds, route)

    def cancelled(self) -> None:
        """Counts a query that was given up."""
        self._cancelled.add()
