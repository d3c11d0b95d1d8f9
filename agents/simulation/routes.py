"""Which routes a simulated model has, by its protocol."""

from typing import Any

from aiohttp import web

from agents.simulation import tei, tgi
from agents.simulation.embed_routes import embed_route, embeddings_route
from agents.simulation.errors import RefusalError, Shape
from agents.simulation.profile import SimModel
from agents.simulation.prometheus import CONTENT_TYPE
from agents.simulation.reply import json_response, refused
from agents.simulation.state import SimState
from agents.simulation.text_routes import chat_route, generate_routes


def routes(state: SimState) -> list[web.RouteDef]:
    """All routes of the model's protocol."""
    if state.profile.protocol == "tgi":
        served = [*generate_routes(state), chat_route(state), *_info(state), _models(state)]
    elif state.profile.protocol == "tei":
        own = [embed_route(state, path) for path in ("/", "/embed")]
        openai = [embeddings_route(state, path) for path in ("/embeddings", "/v1/embeddings")]
        served = [*own, *openai, *_info(state)]
    else:
        served = [chat_route(state), embeddings_route(state, "/v1/embeddings"), _models(state)]
    return [*served, *_health(state), _metrics(state)]


def _info(state: SimState) -> list[web.RouteDef]:
    async def info(_: web.Request) -> web.Response:
        model = state.catch_up()
        return json_response(_tgi_info(model) if model.protocol == "tgi" else tei.info(model))

    return [web.get("/info", info)]


def _tgi_info(model: SimModel) -> dict[str, Any]:
    """Body of GET /info."""
    return {
        "model_id": model.model_id or model.name,
        "model_sha": None,
        "model_pipeline_tag": "text-generation",
        "max_concurrent_requests": model.max_concurrent_requests,
        "max_best_of": 2,
        "max_stop_sequences": 4,
        "max_input_tokens": model.max_input_tokens,
        "max_total_tokens": model.max_total_tokens,
        "validation_workers": 2,
        "max_client_batch_size": 4,
        "router": "text-generation-router",
        "version": tgi.VERSION,
        "sha": None,
        "docker_label": "simulated",
    }


def _models(state: SimState) -> web.RouteDef:
    async def models(_: web.Request) -> web.Response:
        return json_response({"object": "list", "data": [_listed(state.profile)]})

    return web.get("/v1/models", models)


def _listed(model: SimModel) -> dict[str, Any]:
    own = model.model_id or model.name
    return {"id": own, "object": "model", "created": 0, "owned_by": own}


def _health(state: SimState) -> list[web.RouteDef]:
    shape: Shape = "openai" if state.profile.protocol == "openai" else "plain"

    async def health(_: web.Request) -> web.Response:
        if state.catch_up().healthy:
            return web.Response()
        return refused(state, RefusalError(503, "unhealthy"), shape)

    return [web.get(path, health) for path in ("/", "/health", "/ping")]


def _metrics(state: SimState) -> web.RouteDef:
    async def metrics(_: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE}
        return web.Response(body=state.metrics.render().encode(), headers=headers)

    return web.get("/metrics", metrics)
