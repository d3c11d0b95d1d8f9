"""What a query asks, in each protocol's words; what a protocol lacks is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.endpoints.parameters import KNOWN, is_demanding, route_of, unsupported
from agents.model_error import ModelError
from schemas.query import Message, Parameters, Query
from streams.settings import Model
from tests.agents.endpoints.asking import ASK, asked

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"const": None}}}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
]
EVERYTHING: dict[str, Any] = {
    "max_tokens": 9,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "seed": 3,
    "stop": ["END"],
    "frequency_penalty": 0.5,
    "presence_penalty": -0.5,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    "tools": TOOLS,
    "tool_choice": "auto",
}
ROUTES: dict[str, dict[str, Any]] = {
    "openai /v1/chat/completions": {"protocol": "openai", "prompt": ASK},
    "tgi /v1/chat/completions": {"protocol": "tgi", "prompt": ASK},
    "tgi /generate": {"protocol": "tgi", "api": "generate", "prompt": ASK},
    "openai /v1/embeddings": {"protocol": "openai", "input": "x"},
    "tei /embed": {"protocol": "tei", "input": "x"},
}


def of(route: str, **parameters: Any) -> tuple[Model, Query]:
    told = dict(ROUTES[route])
    content = {key: told.pop(key) for key in ("prompt", "input") if key in told}
    model = Model(endpoint="http://m", serves=["chat", "embedding"], **told)
    return model, Query(query_id="q", parameters=Parameters(**parameters), **content)


def test_every_parameter_is_tried_here() -> None:
    assert set(EVERYTHING) == set(Parameters.__struct_fields__)
    assert set(ROUTES) == set(KNOWN)


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize("route", ROUTES)
def test_what_is_unknown_is_refused_by_name(route: str, name: str) -> None:
    model, query = of(route, **{name: EVERYTHING[name]})
    assert route_of(model, query) == route
    lacks = {
        "openai /v1/chat/completions": set(),
        "tgi /v1/chat/completions": {"top_k"},
        "tgi /generate": {"tools", "tool_choice", "presence_penalty"},
    }.get(route, set(EVERYTHING))
    said = f"parameters.{name}: the model speaks {route}, which has no {name}"
    assert unsupported(model, query) == (said if name in lacks else None)
    assert is_demanding(query) or name not in lacks


@pytest.mark.parametrize("route", ROUTES)
def test_what_asks_for_nothing_is_never_refused(route: str) -> None:
    neutral: dict[str, Any] = {
        "top_p": 1.0,
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
        "stop": [],
        "tools": [],
        "response_format": {"type": "text"},
    }
    assert unsupported(*of(route, **neutral)) is None


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}, SCHEMA),
        ({"type": "json_schema", "value": {"name": "n", "schema": SCHEMA}}, SCHEMA),
        ({"type": "json_object", "value": SCHEMA}, SCHEMA),
        ({"type": "json", "value": json.dumps(SCHEMA)}, json.dumps(SCHEMA)),
        ({"type": "regex", "value": "a+"}, "a+"),
        ({"type": "json_object"}, None),
        ({"type": "json_schema", "json_schema": ["odd"]}, None),
        ({"type": "regex", "value": 3}, None),
        ({}, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("route", ["tgi /v1/chat/completions", "tgi /generate"])
async def test_a_format_as_tgi_has_it(route: str, wanted: dict[str, Any], sent: Any) -> None:
    model, query = of(route, response_format=wanted)
    async with asked("tgi", api=model.api) as server:
        if sent is None:
            with pytest.raises(ModelError) as told:
                await server.ask(query)
            assert told.value.kind == "rejected"
            assert told.value.message.startswith("parameters.response_format: the model speaks tgi")
            assert (told.value.asked, server.wire.asked) == (False, [])
            return
        await server.ask(query)
        body = server.wire.asked[-1][1]
    kind = "regex" if wanted["type"] == "regex" else "json"
    grammar = body["response_format"] if "messages" in body else body["parameters"]["grammar"]
    assert grammar["type"] == kind
    if "messages" in body:  # as it is, with what is null in it
        assert grammar["value"] == sent


async def test_an_openai_server_gets_all_as_it_is() -> None:
    _, query = of("openai /v1/chat/completions", **EVERYTHING)
    async with asked("openai", served_name="org/m") as server:
        await server.ask(query, stream=True)
        body = server.wire.asked[-1][1]
    assert body == {
        **EVERYTHING,
        "model": "org/m",
        "messages": [{"role": "user", "content": ASK}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {}),
        ({"temperature": 0.0}, {"do_sample": False}),
        ({"temperature": 1.0}, {"do_sample": True, "temperature": 1.0}),
        ({"max_tokens": 3, "top_k": 2}, {"max_new_tokens": 3, "top_k": 2}),
        ({"seed": 1, "stop": ["x"], "top_p": 0.5}, {"seed": 1, "stop": ["x"], "top_p": 0.5}),
    ],
)
async def test_generate_in_tgis_words(given: dict[str, Any], sent: dict[str, Any]) -> None:
    _, query = of("tgi /generate", **given)
    async with asked("tgi", api="generate") as server:
        await server.ask(query, instructions="Be brief.")
        body = server.wire.asked[-1][1]
    assert body["inputs"] == f"Be brief.\n\n{ASK}"
    assert body["parameters"] == {"details": True, **sent}


async def test_what_is_not_set_is_not_sent() -> None:
    async with asked("tgi") as server:
        said = [
            Message(role="assistant", tool_calls=[{"id": "1"}]),
            Message(role="user", content="x"),
        ]
        await server.ask(Query(query_id="q", messages=said))
        assert server.wire.asked[-1][1] == {
            "model": "dummy",
            "messages": [
                {"role": "assistant", "tool_calls": [{"id": "1"}]},
                {"role": "user", "content": "x"},
            ],
            "stream": False,
        }
