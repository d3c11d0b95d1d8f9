"""What a query asks of the generation, in the words of each protocol. Pure.

What a protocol has no word for is refused by its name. A value that changes nothing by OpenAI's
rules (``top_p`` 1, penalties 0, a plain text format) asks nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from schemas.query import Parameters, Query
from streams.sections import Model

Route: TypeAlias = Literal[
    "tgi /v1/chat/completions",
    "tgi /generate",
    "openai /v1/chat/completions",
    "openai /v1/embeddings",
    "tei /embed",
]

EVERY = frozenset(Parameters.__struct_fields__)
KNOWN: Mapping[Route, frozenset[str]] = {
    "openai /v1/chat/completions": EVERY,
    "tgi /v1/chat/completions": EVERY - {"top_k"},
    "tgi /generate": EVERY - {"presence_penalty", "tools", "tool_choice"},
    "openai /v1/embeddings": frozenset(),
    "tei /embed": frozenset(),
}
"""The parameters that each route has."""

DEMANDS = tuple(
    sorted(
        {"response_format"}.union(*(EVERY - known for known in KNOWN.values() if known)),
    )
)
"""The parameters that not every way to generate has."""

NEUTRAL: Mapping[str, Any] = {
    "top_p": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "stop": [],
    "tools": [],
    "response_format": {"type": "text"},
}
"""Values that ask for nothing. TGI refuses the first, and makes of the third a strong penalty."""


def route_of(model: Model, query: Query) -> Route:
    """Where the query goes at this model's server."""
    if query.input is not None:
        return "openai /v1/embeddings" if model.protocol == "openai" else "tei /embed"
    if model.protocol == "openai":
        return "openai /v1/chat/completions"
    if model.api == "generate" and query.prompt is not None:
        return "tgi /generate"
    return "tgi /v1/chat/completions"


def unsupported(model: Model, query: Query) -> str | None:
    """Which of the query's parameters the model's route can't do, and why; None: it can do all."""
    asked = asked_of(query.parameters)
    if not asked:
        return None
    route = route_of(model, query)
    for name in asked:
        if name not in KNOWN[route]:
            return f"parameters.{name}: the model speaks {route}, which has no {name}"
    wanted = asked.get("response_format")
    if wanted is not None and route.startswith("tgi") and grammar(wanted) is None:
        told = f"the model speaks {route}, which needs a json_schema, or its own json or regex"
        return f"parameters.response_format: {told}; got {wanted.get('type')!r:.40}"
    return None


def is_demanding(query: Query) -> bool:
    """Whether some model that generates, or embeds, may not support what the query asks. Quick."""
    if query.input is not None:
        return bool(asked_of(query.parameters))
    return any(getattr(query.parameters, name) is not None for name in DEMANDS)


def asked_of(parameters: Parameters) -> dict[str, Any]:
    """The parameters that are set to something."""
    return {
        name: value
        for name in parameters.__struct_fields__
        if (value := getattr(parameters, name)) is not None
        and (name not in NEUTRAL or value != NEUTRAL[name])
    }


EXACT = ("response_format", "tools", "tool_choice", "top_k")
"""What the hub's client would change, or doesn't know."""


def chat_arguments(
    model: Model, query: Query, instructions: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """For ``chat_completion``, and what its body has besides; instructions are a system message."""
    asked = asked_of(query.parameters)
    if model.protocol == "tgi" and "response_format" in asked:
        asked["response_format"] = grammar(asked["response_format"])
    exactly = {name: asked.pop(name) for name in EXACT if name in asked}
    named = {"model": model.served_name} if model.served_name else {}
    return {"messages": _messages(query, instructions), **named, **asked}, exactly


def _messages(query: Query, instructions: str) -> list[dict[str, Any]]:
    system = [{"role": "system", "content": instructions}] if instructions else []
    if query.messages is None:
        return [*system, {"role": "user", "content": query.prompt}]
    return [*system, *(_without_none(message) for message in query.messages)]


def _without_none(struct: Any) -> dict[str, Any]:
    items = ((name, getattr(struct, name)) for name in struct.__struct_fields__)
    return {name: value for name, value in items if value is not None}


def generate_arguments(query: Query, instructions: str) -> dict[str, Any]:
    """For ``text_generation``: the instructions stand before the prompt.

    TGI takes no temperature of 0, and samples at one of 1 only when it is told to.
    """
    asked = asked_of(query.parameters)
    if "max_tokens" in asked:
        asked["max_new_tokens"] = asked.pop("max_tokens")
    if "response_format" in asked:
        asked["grammar"] = grammar(asked.pop("response_format"))
    if "temperature" in asked:
        asked["do_sample"] = asked["temperature"] > 0
        if not asked["do_sample"]:
            del asked["temperature"]
    prompt = f"{instructions}\n\n{query.prompt}" if instructions else query.prompt
    return {"prompt": prompt, **asked}


def grammar(wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """A response format as TGI has it, ``{"type": "json" | "regex", "value"}``; None: it has none.

    From OpenAI's ``json_schema``, or TGI's own ``json`` (also ``json_object``) and ``regex``.
    """
    kind, value = wanted.get("type"), wanted.get("value")
    if kind == "json_schema":
        named = wanted.get("json_schema", value)
        kind, value = "json", named.get("schema") if isinstance(named, Mapping) else None
    if kind == "regex" and isinstance(value, str):
        return {"type": "regex", "value": value}
    if kind in ("json", "json_object") and isinstance(value, str | Mapping):
        return {"type": "json", "value": value}
    return None
