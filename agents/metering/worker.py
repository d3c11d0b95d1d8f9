"""What a worker counts: its model's calls, answers and breaker."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from agents.breaker import STATES, Breaker
from schemas.assignment import ErrorKind
from schemas.response import Response
from streams.instruments import Count, Labels, Level, Spread


class ModelMeters:
    """One worker's view of its model. Every metric has the label ``model``, one value."""

    def __init__(self, registry: CollectorRegistry, model: str, breaker: Breaker) -> None:
        self._model = model
        self._breaker = breaker
        self._calls = Count(
            registry,
            "zeta_model_calls_total",
            "Calls to the model: ok, or the kind of error.",
            ["model", "outcome"],
        )
        self._handed_on = Count(
            registry,
            "zeta_model_handed_on_total",
            "Queries handed on without a call, the breaker being open.",
            ["model"],
        )
        self._cancelled = Count(
            registry,
            "zeta_model_cancelled_total",
            "Queries whose client left: during the call, or before one was made.",
            ["model", "kind"],
        )
        self._reroutes = Count(
            registry,
            "zeta_reroutes_total",
            "Queries put on reroutes for another model, by what failed.",
            ["model", "reason"],
        )
        Level(
            registry,
            "zeta_model_breaker_state",
            "1 for the state that the model's breaker is in, else 0.",
            ["model", "state"],
            self._states,
        )
        self._describe_answers(registry)
        self._handed_on.add(model, by=0)

    def _describe_answers(self, registry: CollectorRegistry) -> None:
        label = ["model"]
        self._queue = Spread(
            registry,
            "zeta_queue_seconds",
            "From the client's record to the call that was answered.",
            label,
        )
        self._inference = Spread(
            registry, "zeta_inference_seconds", "The call that was answered.", label
        )
        self._first_token = Spread(
            registry,
            "zeta_first_token_seconds",
            "From the call to its first token, of streamed answers.",
            label,
        )
        self._tokens = Count(
            registry,
            "zeta_tokens_total",
            "Tokens as the model server counted them.",
            ["model", "kind"],
        )
        self._cost = Count(
            registry, "zeta_cost_usd_total", "What the tokens cost at the settings' prices.", label
        )

    def _states(self) -> Mapping[Labels, float]:
        now = self._breaker.state
        return {(self._model, state): float(state == now) for state in STATES}

    def called(self, outcome: str) -> None:
        """Counts a call that has ended."""
        self._calls.add(self._model, outcome)

    def handed_on(self) -> None:
        """Counts a query that was not asked."""
        self._handed_on.add(self._model)

    def cancelled(self, *, called: bool) -> None:
        """Counts a query that was given up since nobody waits for it."""
        self._cancelled.add(self._model, "in_call" if called else "before_call")

    def rerouted(self, reason: ErrorKind) -> None:
        """Counts a query that goes to another model."""
        self._reroutes.add(self._model, reason)

    def answered(self, response: Response) -> None:
        """Counts an answer of the model."""
        timings, usage = response.timings, response.usage
        self._queue.add(timings.queue_s, self._model)
        if timings.inference_s is not None:
            self._inference.add(timings.inference_s, self._model)
        if timings.first_token_s is not None:
            self._first_token.add(timings.first_token_s, self._model)
        self._tokens.add(self._model, "prompt", by=usage.prompt_tokens or 0)
        self._tokens.add(self._model, "completion", by=usage.completion_tokens or 0)
        self._cost.add(self._model, by=response.cost_usd or 0)
