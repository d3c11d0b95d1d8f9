"""A model's answer as OpenAI's reply, and the headers that say who gave it, and why. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from agents.serving.replies import (
    AnsweredMessage,
    CalledFunction,
    Choice,
    Completion,
    Embedding,
    Embeddings,
    FinishReason,
    InputTokens,
    Tokens,
    ToolCall,
)
from schemas.assignment import Decision
from schemas.response import Response, Usage

PREFIX = "chatcmpl-"

_FINISHES: Mapping[str | None, FinishReason] = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
"""All others (``eos_token``, ``stop_sequence``, nothing) are ``stop``."""


def completion(response: Response, created_s: int, *, one_call: bool = False) -> Completion:
    """A whole answer.

    Args:
        response: one without an error.
        created_s: when it was asked for, Unix seconds.
        one_call: of several tool calls only the first counts.
    """
    calls = tool_calls(response, one_call=one_call)
    message = AnsweredMessage(content=response.text, tool_calls=calls or None)
    return Completion(
        id=PREFIX + response.query_id,
        created=created_s,
        model=response.model or "",
        choices=[Choice(message=message, finish_reason=finish_reason(response))],
        usage=tokens(response.usage),
    )


def finish_reason(response: Response) -> FinishReason:
    """OpenAI's word for why the answer ends."""
    if response.tool_calls:
        return "tool_calls"
    return _FINISHES.get(response.finish_reason, "stop")


def tokens(usage: Usage) -> Tokens | None:
    """The counts, None where nothing was counted."""
    if usage.prompt_tokens is None and usage.completion_tokens is None:
        return None
    asked, said = usage.prompt_tokens or 0, usage.completion_tokens or 0
    return Tokens(prompt_tokens=asked, completion_tokens=said, total_tokens=asked + said)


def tool_calls(response: Response, *, one_call: bool) -> list[ToolCall]:
    """The calls, each with an id and with arguments as text, whatever the server made of them."""
    calls = [_call(number, call) for number, call in enumerate(response.tool_calls or ())]
    return calls[:1] if one_call else calls


def _call(number: int, call: Mapping[str, Any]) -> ToolCall:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    arguments = function.get("arguments", "")
    if not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments).decode()
    return ToolCall(
        id=str(call.get("id") or f"call_{number}"),
        type="function",
        function=CalledFunction(name=str(function.get("name", "")), arguments=arguments),
    )


def embeddings(response: Response, *, packed: bool) -> Embeddings:
    """Vectors, as numbers or ``packed`` as OpenAI's base64."""
    rows = [
        Embedding(index=index, embedding=_packed(row) if packed else row)
        for index, row in enumerate(response.embeddings or ())
    ]
    used = response.usage.prompt_tokens or 0
    usage = InputTokens(prompt_tokens=used, total_tokens=used)
    return Embeddings(data=rows, model=response.model or "", usage=usage)


def _packed(row: Sequence[float]) -> str:
    return base64.b64encode(np.asarray(row, dtype="<f4").tobytes()).decode()


def headers(
    query_id: str, decision: Decision | None, *, model: str | None = None, attempt: int = 0
) -> dict[str, str]:
    """``x-zeta-*``: the query's id and, as far as it is known, the decision."""
    return dict(_headers(query_id, decision, model, attempt))


def response_headers(response: Response) -> dict[str, str]:
    """The headers of an answer or an error answer."""
    return headers(
        response.query_id, response.decision, model=response.model, attempt=response.attempt
    )


def _headers(
    query_id: str, decision: Decision | None, model: str | None, attempt: int
) -> Iterator[tuple[str, str]]:
    yield "x-zeta-query-id", query_id
    if model := model or (decision.model if decision else None):
        yield "x-zeta-model", _visible(model)
    if attempt:
        yield "x-zeta-attempt", str(attempt)
    if decision is not None:
        yield "x-zeta-task", _visible(decision.task)
        yield "x-zeta-rule-version", str(decision.rule_version)
        yield "x-zeta-propensity", f"{decision.propensity:.6g}"


def _visible(text: str) -> str:
    """Of a record that anybody may have written, what a header may hold."""
    return "".join(letter for letter in text if letter.isascii() and letter.isprintable())
