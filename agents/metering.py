"""What a role counts for Prometheus, and where it can be read: ``/metrics`` on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from agents.breaker import STATES, Breaker, State

HOST = "127.0.0.1"


class MetricsPortError(RuntimeError):
    """The port for ``/metrics`` can't be had."""


class ModelMeters:
    """One worker's view of its model.

    ``zeta_model_calls_total{model, outcome}``: ``ok`` or the kind of error;
    ``zeta_model_handed_on_total{model}``: queries handed on without a call;
    ``zeta_model_breaker_state{model, state}``: 1 for the state it is in, else 0.
    """

    def __init__(self, registry: CollectorRegistry, model: str, breaker: Breaker) -> None:
        self._model = model
        self._calls = Counter(
            "zeta_model_calls",
            "Calls to the model: ok, or the kind of error.",
            ["model", "outcome"],
            registry=registry,
        )
        self._handed_on = Counter(
            "zeta_model_handed_on",
            "Queries handed on without a call, the breaker being open.",
            ["model"],
            registry=registry,
        ).labels(model)
        state = Gauge(
            "zeta_model_breaker_state",
            "1 for the state that the model's breaker is in.",
            ["model", "state"],
            registry=registry,
        )
        for name in STATES:
            state.labels(model, name).set_function(partial(_is_in, breaker, name))

    def called(self, outcome: str) -> None:
        """Counts a call that has ended."""
        self._calls.labels(self._model, outcome).inc()

    def handed_on(self) -> None:
        """Counts a query that was not asked."""
        self._handed_on.inc()


def _is_in(breaker: Breaker, state: State) -> float:
    return float(breaker.state == state)


@contextmanager
def exported(registry: CollectorRegistry, port: int) -> Iterator[None]:
    """Serves the registry on 127.0.0.1 for as long as the block lasts; port 0: not at all.

    Raises:
        MetricsPortError: the port is taken.
    """
    if not port:
        yield
        return
    server: WSGIServer
    thread: threading.Thread
    try:
        server, thread = start_http_server(port, HOST, registry)
    except OSError as error:
        message = f"--metrics-port {port}: {error.strerror}; take another"
        raise MetricsPortError(message) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
