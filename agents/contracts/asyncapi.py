"""The AsyncAPI 3.0 document of all topics: what is on them, keyed how, kept how long, and by whom.

It is derived from the topic table, from each role's rights and from the events, with the default
settings and one model called ``{model}``, which makes its topic's address a template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from agents.contracts.headers import headers_of
from schemas.arrow import EVENTS
from schemas.contract import part_schemas
from schemas.wire import Event
from streams.access import Grant, grants, role_names
from streams.settings import Model, Settings
from streams.topic_drift import WantedTopic, wanted_topics
from streams.topics import MODEL_PREFIX, Topic, topic_table

VERSION = "3.0.0"
BINDING = "0.5.0"
_MODEL = "{model}"
_SETTINGS = Settings(models={_MODEL: Model(protocol="tgi", serves=["chat"])})

# Tables and what is meant for everybody: each process reads them whole, or from their end.
_READ_BY_EACH = frozenset({"rules", "rules-log", "model-status", "cancellations", "chunks"})

_ABOUT = """A router for language and embedding models. Values are JSON. Times that end in `_at` are
integers of Unix milliseconds, durations that end in `_s` are seconds, `_micro` are millionths. A
reader ignores fields that it doesn't know; a field that holds its default may be left out.
`kafka.prefix`, empty by default, stands before every address and group. Partitions, replicas and
retention are those that `zeta topics create` gives a new topic with the default settings on three
brokers or more."""


def document() -> dict[str, Any]:
    """The whole document, as it becomes JSON."""
    return {
        "asyncapi": VERSION,
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {_channel(row.name): _described(row) for row in topic_table([_MODEL])},
        "operations": dict(_operations()),
        "components": {
            "messages": {event.__name__: _message(event) for event in EVENTS},
            "schemas": part_schemas(EVENTS, "#/components/schemas/{name}"),
        },
    }


def _info() -> dict[str, Any]:
    return {
        "title": "Zeta router",
        "version": version("zeta-router"),
        "description": " ".join(_ABOUT.split()),
        "license": {"name": "Apache-2.0"},
    }


def _server() -> dict[str, Any]:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka",
        "description": "Any Apache Kafka; TLS and SASL are settings of the clients.",
        "variables": {
            "bootstrap": {
                "default": _SETTINGS.kafka.bootstrap,
                "description": "kafka.bootstrap, or the variable KAFKA_BOOTSTRAP.",
            }
        },
    }


def _channel(topic: str) -> str:
    """A channel's name: the topic's, ``models`` for those of the models."""
    return "models" if topic == MODEL_PREFIX + _MODEL else topic


def _described(row: Topic) -> dict[str, Any]:
    parameters = {"model": {"description": "A name in [models] of the settings."}}
    return {
        "address": row.name,
        "title": _channel(row.name),
        **({"parameters": parameters} if _MODEL in row.name else {}),
        "messages": {
            event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}
            for event in row.events
        },
        "bindings": {"kafka": _topic_binding(_wanted()[row.name])},
    }


def _wanted() -> Mapping[str, WantedTopic]:
    return {row.name: row for row in wanted_topics(_SETTINGS, brokers=_SETTINGS.kafka.replication)}


def _topic_binding(wanted: WantedTopic) -> dict[str, Any]:
    return {
        "partitions": wanted.partitions,
        "replicas": wanted.replication,
        "topicConfiguration": {
            key: _value(key, value) for key, value in sorted(wanted.configuration.items())
        },
        "bindingVersion": BINDING,
    }


def _value(key: str, value: str) -> Any:
    """As AsyncAPI writes Kafka's settings: policies as a list, numbers as numbers."""
    if key == "cleanup.policy":
        return value.split(",")
    return int(value) if value.lstrip("-").isdecimal() else value


def _message(event: type[Event]) -> dict[str, Any]:
    name = event.__name__
    keys = sorted({row.key for row in topic_table([_MODEL]) if event in row.events})
    return {
        "name": name,
        "title": name,
        "summary": (event.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "headers": headers_of(event),
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"The {' or '.join(keys)}."},
                "bindingVersion": BINDING,
            }
        },
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """What each role receives and sends, from its rights."""
    for role in role_names(_SETTINGS):
        rows = grants(_SETTINGS, role)
        group = next((row.name for row in rows if _commits(row)), None)
        for row in rows:
            if row.resource == "topic" and "Read" in row.operations:
                yield _operation(row, "receive", group)
            if row.resource == "topic" and "Write" in row.operations:
                yield _operation(row, "send", None)


def _commits(row: Grant) -> bool:
    return row.resource == "group" and "Read" in row.operations


def _operation(row: Grant, action: str, group: str | None) -> tuple[str, dict[str, Any]]:
    channel, role = _channel(row.name), row.role.replace(_MODEL, "model")
    grouped = group is not None and row.name not in _READ_BY_EACH
    binding = {"groupId": {"type": "string", "enum": [group]}, "bindingVersion": BINDING}
    return f"{role}_{action}_{channel}", {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "tags": [{"name": row.role}],
        **({"bindings": {"kafka": binding}} if grouped else {}),
    }
