"""The span of one call to a model, by the semantic conventions for generative AI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from agents.reply import Answer
from schemas.query import Query
from streams.settings import Model
from streams.tracing import CURRENT


class CallSpan:
    """Takes the answer; without tracing it does nothing."""

    def __init__(self) -> None:
        self.facts: dict[str, str | int | float | list[str]] = {}

    def answered(self, answer: Answer) -> None:
        """Notes what the model said of its answer."""
        usage = answer.usage
        if usage.prompt_tokens is not None:
            self.facts["gen_ai.usage.input_tokens"] = usage.prompt_tokens
        if usage.completion_tokens is not None:
            self.facts["gen_ai.usage.output_tokens"] = usage.completion_tokens
        if answer.finish_reason is not None:
            self.facts["gen_ai.response.finish_reasons"] = [answer.finish_reason]
        if answer.first_token_s is not None:
            self.facts["gen_ai.response.time_to_first_chunk"] = answer.first_token_s


@contextmanager
def model_call(name: str, model: Model, query: Query) -> Iterator[CallSpan]:
    """A client span around a call, where spans are recorded; an error that leaves is its own."""
    call, work = CallSpan(), CURRENT.get()
    if work is None or work.span is None or work.spans is None:
        yield call
        return
    operation = "embeddings" if query.input is not None else "chat"
    attributes = {"gen_ai.operation.name": operation, **_server(model), "zeta.model": name}
    attributes["gen_ai.request.model"] = model.served_name or name
    span = work.spans.call(work.span, f"{operation} {name}", attributes)
    failure: BaseException | None = None
    try:
        yield call
    except BaseException as error:
        failure = error
        raise
    finally:
        for fact, value in call.facts.items():
            span.set_attribute(fact, value)
        work.spans.end(span, failure)


def _server(model: Model) -> Mapping[str, str | int]:
    parts = urlsplit(model.endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}
