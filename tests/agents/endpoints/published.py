"""The bodies that TGI 3.3.6 and TEI 1.9.3 publish in their OpenAPI documents, as JSON Schemas.

Names, types, what is required and what may be null are the documents'. No other field is allowed,
so that a reply with one that the real server hasn't got is no test. ``object`` is no field of the
documents' chat bodies, but the tag that tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import jsonschema

Schema: TypeAlias = dict[str, Any]

INT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
ANY: Schema = {}


def null_or(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def rows(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def body(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


FINISH: Schema = {"enum": ["length", "eos_token", "stop_sequence"]}
PREFILL = body({"id": INT, "logprob": null_or(NUMBER), "text": TEXT})
TOKEN = body({"id": INT, "logprob": null_or(NUMBER), "special": FLAG, "text": TEXT})
_TOLD = {
    "finish_reason": FINISH,
    "generated_tokens": INT,
    "prefill": rows(PREFILL),
    "tokens": rows(TOKEN),
}
_MORE = {"seed": null_or(INT), "top_tokens": rows(rows(TOKEN))}
BEST = body({**_TOLD, "generated_text": TEXT}, _MORE)
DETAILS = body(_TOLD, {**_MORE, "best_of_sequences": null_or(rows(BEST))})
GENERATE_RESPONSE = body({"generated_text": TEXT}, {"details": null_or(DETAILS)})
STREAM_DETAILS = body(
    {"finish_reason": FINISH, "generated_tokens": INT, "input_length": INT}, {"seed": null_or(INT)}
)
STREAM_RESPONSE = body(
    {"index": INT, "token": TOKEN},
    {
        "details": null_or(STREAM_DETAILS),
        "generated_text": null_or(TEXT),
        "top_tokens": rows(TOKEN),
    },
)

USAGE = body({"completion_tokens": INT, "prompt_tokens": INT, "total_tokens": INT})
FUNCTION = body({"arguments": ANY, "name": TEXT}, {"description": null_or(TEXT)})
TOOL_CALL = body({"function": FUNCTION, "id": TEXT, "type": TEXT})
TEXT_MESSAGE = body({"content": TEXT, "role": TEXT}, {"tool_call_id": null_or(TEXT)})
TOOL_MESSAGE = body({"role": TEXT, "tool_calls": rows(TOOL_CALL)})
CHOICE = body(
    {"finish_reason": TEXT, "index": INT, "message": {"anyOf": [TEXT_MESSAGE, TOOL_MESSAGE]}},
    {"logprobs": null_or(ANY)},
)
_CHAT = {"created": INT, "id": TEXT, "model": TEXT, "system_fingerprint": TEXT}
CHAT_COMPLETION = body(
    {**_CHAT, "choices": rows(CHOICE), "usage": USAGE}, {"object": {"const": "chat.completion"}}
)
DELTA_FUNCTION = body({"arguments": TEXT}, {"name": null_or(TEXT)})
DELTA_CALL = body({"function": DELTA_FUNCTION, "id": TEXT, "index": INT, "type": TEXT})
TOOL_DELTA = body({"role": TEXT, "tool_calls": rows(DELTA_CALL)})
CHUNK_CHOICE = body(
    {"delta": {"anyOf": [TEXT_MESSAGE, TOOL_DELTA]}, "index": INT},
    {"finish_reason": null_or(TEXT), "logprobs": null_or(ANY)},
)
CHAT_COMPLETION_CHUNK = body(
    {**_CHAT, "choices": rows(CHUNK_CHOICE)},
    {"usage": null_or(USAGE), "object": {"const": "chat.completion.chunk"}},
)
TGI_INFO = body(
    {
        **dict.fromkeys(
            (
                *("max_best_of", "max_client_batch_size", "max_concurrent_requests"),
                *("max_input_tokens", "max_stop_sequences", "max_total_tokens"),
                "validation_workers",
            ),
            INT,
        ),
        **dict.fromkeys(("model_id", "router", "version"), TEXT),
    },
    dict.fromkeys(("docker_label", "model_pipeline_tag", "model_sha", "sha"), null_or(TEXT)),
)
ERROR = body({"error": TEXT, "error_type": TEXT})

EMBED_RESPONSE = rows(rows(NUMBER))
TEI_INFO = body(
    {
        "auto_truncate": FLAG,
        "model_type": body({"embedding": body({"pooling": TEXT})}),
        **dict.fromkeys(
            (
                *("max_batch_tokens", "max_client_batch_size", "max_concurrent_requests"),
                *("max_input_length", "tokenization_workers"),
            ),
            INT,
        ),
        **dict.fromkeys(("model_dtype", "model_id", "served_model_name", "version"), TEXT),
    },
    {
        "max_batch_requests": null_or(INT),
        **dict.fromkeys(("docker_label", "model_sha", "sha"), null_or(TEXT)),
    },
)
EMBEDDINGS = body(
    {
        "data": rows(body({"embedding": rows(NUMBER), "index": INT, "object": TEXT})),
        "model": TEXT,
        "object": TEXT,
        "usage": body({"prompt_tokens": INT, "total_tokens": INT}),
    }
)


def conforms(told: Any, schema: Schema) -> None:
    """Fails with the field that isn't as published."""
    jsonschema.validate(told, schema)
