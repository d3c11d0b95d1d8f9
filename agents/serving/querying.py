"""A request as the query that travels. Pure."""

from __future__ import annotations

import msgspec

from agents.classifying import classify
from agents.serving.bodies import ChatMessage, ChatRequest, EmbeddingRequest
from agents.serving.hints import Hints
from agents.serving.naming import target
from agents.serving.refusals import Refusal
from schemas.query import Message, Parameters, Query
from schemas.wire import encode
from streams.producing import record_bytes
from streams.settings import Settings

ADDRESS = "reply_to"
"""The Kafka header that tells readers of ``responses`` and ``chunks`` whom a record is for."""


def chat_query(
    settings: Settings, request: ChatRequest, hints: Hints, query_id: str, reply_to: str
) -> Query:
    """The query of a chat.

    Raises:
        Refusal: a model that isn't there, or fields that contradict each other.
    """
    chosen = target(settings, request.model, "chat", hints.task)
    return Query(
        query_id=query_id,
        task=chosen.task,
        messages=[_message(message) for message in request.messages],
        parameters=_parameters(request),
        time_limit_s=hints.time_limit_s,
        session=hints.session,
        reply_to=reply_to,
        models=list(chosen.models) or None,
        stream=bool(request.stream),
    )


def embedding_query(
    settings: Settings, request: EmbeddingRequest, hints: Hints, query_id: str, reply_to: str
) -> Query:
    """The query for vectors.

    Raises:
        Refusal: a model that isn't there, or whose vectors have another dimension.
    """
    chosen = target(settings, request.model, "embedding", hints.task)
    query = Query(
        query_id=query_id,
        task=chosen.task,
        input=request.input,
        time_limit_s=hints.time_limit_s,
        session=hints.session,
        reply_to=reply_to,
        models=list(chosen.models) or None,
    )
    if request.dimensions is None:
        return query
    return msgspec.structs.replace(query, models=_fitting(settings, query, request.dimensions))


def _message(message: ChatMessage) -> Message:
    content = message.content
    if isinstance(content, list):
        content = "\n".join(part.text for part in content)
    return Message(
        role=message.role,
        content=content,
        name=message.name,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
    )


def _parameters(request: ChatRequest) -> Parameters:
    if request.logprobs:
        problem = "logprobs is not supported"
        raise Refusal(400, "unsupported_parameter", problem, param="logprobs")
    if None not in (request.max_tokens, request.max_completion_tokens) and (
        request.max_tokens != request.max_completion_tokens
    ):
        problem = "max_completion_tokens and max_tokens differ: give one"
        raise Refusal(400, "invalid_value", problem, param="max_tokens")
    stop = [request.stop] if isinstance(request.stop, str) else request.stop
    plain = request.response_format == {"type": "text"}
    return Parameters(
        max_tokens=request.max_completion_tokens or request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        seed=request.seed,
        stop=stop or None,
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
        response_format=None if plain else request.response_format,
        tools=request.tools or None,
        tool_choice=request.tool_choice,
    )


def _fitting(settings: Settings, query: Query, dimension: int) -> list[str] | None:
    """The models whose vectors have it; None: every one that could be asked anyway."""
    named = query.models
    possible = named or list(settings.candidates(classify(settings, query)))
    known = {name: settings.models[name].dimension for name in possible}
    fit = [name for name in possible if known[name] in (None, dimension)]
    if not fit:
        given = ", ".join(f"{name} {width}" for name, width in known.items())
        message = f"no model gives vectors of {dimension} dimensions; there are: {given}"
        raise Refusal(400, "invalid_value", message, param="dimensions")
    return named if fit == possible else fit


def key_of(query: Query) -> str:
    """The record's key."""
    return query.session or query.query_id


def check_size(query: Query, most_bytes: int) -> None:
    """Refuses what no record can carry.

    Raises:
        Refusal: 413 when it is too large, 400 when it can't be written at all.
    """
    try:
        size = record_bytes(encode(query), key_of(query).encode())
    except (ValueError, OverflowError, RecursionError) as error:
        raise Refusal(400, "invalid_value", f"can't be passed on: {error}") from error
    if size > most_bytes:
        raise too_large(most_bytes)


def too_large(most_bytes: int) -> Refusal:
    """What to tell somebody who sends too much."""
    message = f"the request takes more than {most_bytes} bytes (kafka.max_record_bytes)"
    return Refusal(413, "request_too_large", message)


def longest_wait_s(settings: Settings, query: Query) -> float:
    """Until when the system itself promises an answer or an error: the query's time limit."""
    if query.time_limit_s is not None:
        return query.time_limit_s
    if query.task is not None:
        return settings.tasks[query.task].time_limit_s
    return max(task.time_limit_s for task in settings.tasks.values())
