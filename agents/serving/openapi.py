"""The API as an OpenAPI 3.1 document, made from the structs that requests are read into. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from agents.serving import bodies, replies
from agents.serving.hints import LONGEST_S, LONGEST_SESSION, SESSION, TASK, TIME_LIMIT
from agents.serving.naming import names
from agents.serving.refusals import ErrorReply
from schemas.model_status import Capability
from streams.settings import Settings

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
_STRUCTS = (
    bodies.ChatRequest,
    bodies.EmbeddingRequest,
    bodies.FeedbackRequest,
    replies.Completion,
    replies.CompletionPart,
    replies.Embeddings,
    replies.FeedbackTaken,
    replies.ModelCard,
    replies.ModelCards,
    replies.Health,
    ErrorReply,
)
_SHARED = (400, 403, 408, 413, 415, 429)
_ASKED = (*_SHARED, 404, 499, 502, 503, 504)
_WORDS: Mapping[int, str] = {
    400: "Not a request that can be served; `error.param` names the part.",
    401: "No key, or none that is known.",
    403: "Without keys, a Host that isn't this machine.",
    404: "No such model, or no such path.",
    408: "The body came too slowly.",
    413: "Larger than `kafka.max_record_bytes`.",
    415: "Not application/json.",
    429: "Too many requests of this key, or too many that wait; see Retry-After.",
    499: "The query was cancelled.",
    502: "A model failed; `error.code` says how.",
    503: "No model can take it, or the broker is away, or this process ends.",
    504: "No answer within the time limit.",
}
_ZETA_HEADERS: Mapping[str, str] = {
    "x-zeta-query-id": "The query's id, for feedback and for `zeta tail`.",
    "x-zeta-model": "The model that answered.",
    "x-zeta-task": "The task that the query was taken for.",
    "x-zeta-rule-version": "The version of the rule by which the model was chosen.",
    "x-zeta-propensity": "The probability with which it was chosen.",
    "x-zeta-attempt": "1, and one more for each model that failed before.",
}


def document(settings: Settings, *, keys: bool) -> Json:
    """The document.

    Args:
        settings: which models there are.
        keys: whether a key is needed.
    """
    security: Json = {"security": [{"key": []}]} if keys else {}
    schemes = {"key": {"type": "http", "scheme": "bearer"}} if keys else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Zeta router gateway",
            "version": version("zeta-router"),
            "description": "OpenAI's API in front of the router: it chooses the model.",
        },
        **security,
        "paths": _paths(settings, keys=keys),
        "components": {"schemas": _schemas(settings), "securitySchemes": schemes},
    }


def _paths(settings: Settings, *, keys: bool) -> Json:
    def post(summary: str, kind: str, reply: str, status: int, errors: Sequence[int]) -> Json:
        headers = _zeta_headers() if status == 200 else {}
        content = {"application/json": {"schema": _ref(kind)}}
        return {
            "summary": summary,
            "requestBody": {"required": True, "content": content},
            "responses": {
                str(status): {**_json("The reply.", reply), "headers": headers},
                **_errors(errors, keys=keys),
            },
        }

    chat = post("Ask a chat model.", "ChatRequest", "Completion", 200, _ASKED)
    events = {"schema": {"type": "string", "description": "`CompletionPart` in each event."}}
    chat["responses"]["200"]["content"]["text/event-stream"] = events
    vectors = post("Embed texts.", "EmbeddingRequest", "Embeddings", 200, _ASKED)
    feedback = post("Judge an answer.", "FeedbackRequest", "FeedbackTaken", 202, (*_SHARED, 503))
    return {
        "/v1/chat/completions": {"post": {**chat, "parameters": _hints(settings, "chat")}},
        "/v1/embeddings": {"post": {**vectors, "parameters": _hints(settings, "embedding")}},
        "/v1/feedback": {"post": feedback},
        "/v1/models": {"get": _get("All names of models.", "ModelCards", (403,), keys=keys)},
        "/v1/models/{id}": {
            "parameters": [_parameter("id", "path", {"type": "string"}, "A model's name.")],
            "get": _get("One of them.", "ModelCard", (400, 403, 404), keys=keys),
        },
        "/healthz": {"get": {**_open("200 while the process lives."), "security": []}},
        "/readyz": {"get": {**_open("Whether requests can be served."), "security": []}},
    }


def _get(summary: str, reply: str, errors: Sequence[int], *, keys: bool) -> Json:
    responses = {"200": _json("The reply.", reply), **_errors(errors, keys=keys)}
    return {"summary": summary, "responses": responses}


def _open(summary: str) -> Json:
    body = {"content": {"application/json": {"schema": {"type": "object"}}}}
    replies_ = {"200": {"description": "Yes.", **body}, "503": {"description": "No.", **body}}
    return {"summary": summary, "responses": replies_}


def _errors(statuses: Sequence[int], *, keys: bool) -> Json:
    all_ = sorted({*statuses, *((401,) if keys else ())})
    found: Json = {str(status): _json(_WORDS[status], "ErrorReply") for status in all_}
    if "429" in found:
        found["429"]["headers"] = {
            "Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds."}
        }
    return found


def _json(description: str, kind: str) -> Json:
    content = {"application/json": {"schema": _ref(kind)}}
    return {"description": description, "content": content}


def _ref(name: str) -> Json:
    return {"$ref": _REFERENCE.format(name=name)}


def _zeta_headers() -> Json:
    return {
        name: {"description": text, "schema": {"type": "string"}}
        for name, text in _ZETA_HEADERS.items()
    }


def _hints(settings: Settings, needs: Capability) -> list[Json]:
    limit = {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_S}
    session = {"type": "string", "maxLength": LONGEST_SESSION}
    fit = [name for name, task in settings.tasks.items() if task.needs == needs]
    task = {"type": "string", "enum": fit}
    return [
        _parameter(TASK, "header", task, "The task, instead of the classifier's."),
        _parameter(SESSION, "header", session, "Queries of a session stay with one model."),
        _parameter(TIME_LIMIT, "header", limit, "Seconds, instead of the task's time limit."),
    ]


def _parameter(name: str, where: str, schema: Json, description: str) -> Json:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "schema": schema,
        "description": description,
    }


def _schemas(settings: Settings) -> Json:
    _, found = msgspec.json.schema_components(_STRUCTS, ref_template=_REFERENCE)
    schemas: Json = dict(found)
    chat, vectors = schemas["ChatRequest"], schemas["EmbeddingRequest"]
    chat["properties"]["model"] = {"enum": list(names(settings, "chat"))}
    vectors["properties"]["model"] = {"enum": list(names(settings, "embedding"))}
    one_of = [{"required": ["query_id"]}, {"required": ["id"]}]
    schemas["FeedbackRequest"]["oneOf"] = one_of
    return schemas
