"""``reference/topics.md``: the topic table, who writes and reads each, and the headers."""

from __future__ import annotations

from collections.abc import Iterator

from agents.contracts.asyncapi import document
from agents.contracts.files import ASYNCAPI
from agents.contracts.headers import headers_of
from agents.documenting.markdown import code, page, table
from schemas.arrow import EVENTS
from streams.access import grants, role_names
from streams.settings import Model, Settings
from streams.topics import DAY_MS, HOUR_MS, Topic, topic_table

_MODEL = "<name>"
_SETTINGS = Settings(models={_MODEL: Model(protocol="tgi", serves=["chat"])})
_PEOPLE = ("operator", "admin")

_ABOUT = f"""`zeta topics create` makes these, and `zeta topics list` compares the broker with them.
`kafka.prefix` stands before every name. The same as an AsyncAPI 3 document:
[{ASYNCAPI}](../schemas/{ASYNCAPI}); `zeta schemas asyncapi` prints it. People and programs that
give orders, replay or redrive write too ([Security](../security.md))."""


def topics_page() -> str:
    """The page."""
    head = ("topic", "key", "events", "kept", "partitions", "written by", "read by")
    rows = (_row(row) for row in topic_table([_MODEL]))
    text = " ".join(_ABOUT.split())
    return page("Topics", text, table(head, rows), _configuration(), _headers())


def _row(row: Topic) -> tuple[str, ...]:
    events = ", ".join(f"[{one.__name__}](events.md#{one.__name__.lower()})" for one in row.events)
    partitions = str(row.partitions) if row.partitions else "`kafka.partitions`"
    who = (_roles(row.name, "Write"), _roles(row.name, "Read"))
    return (code(row.name), row.key, events, _kept(row), partitions, *who)


def _kept(row: Topic) -> str:
    if row.retention_ms is None:
        return "compacted"
    days, hours = row.retention_ms // DAY_MS, row.retention_ms // HOUR_MS
    amount, unit = (days, "day") if days else (hours, "hour")
    return f"{amount} {unit}{'s' * (amount != 1)}"


def _roles(topic: str, operation: str) -> str:
    """The roles that may; operators and admins are left out."""
    return ", ".join(code(role) for role in _may(topic, operation)) or "-"


def _may(topic: str, operation: str) -> Iterator[str]:
    for role in role_names(_SETTINGS):
        rows = grants(_SETTINGS, role) if role not in _PEOPLE else []
        if any(row.name == topic and operation in row.operations for row in rows):
            yield role


def _configuration() -> str:
    channels = document()["channels"].values()
    rows = (
        (code(each["address"].replace("{model}", _MODEL)), _settings(each)) for each in channels
    )
    return "## Configuration\n\n" + table(("topic", "as Kafka names it"), rows)


def _settings(channel: dict[str, dict[str, dict[str, dict[str, object]]]]) -> str:
    values = channel["bindings"]["kafka"]["topicConfiguration"]
    return ", ".join(code(f"{key}={_shown(value)}") for key, value in values.items())


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def _headers() -> str:
    found: dict[str, tuple[str, list[str]]] = {}
    for event in EVENTS:
        for name, schema in headers_of(event)["properties"].items():
            found.setdefault(name, (schema["description"], []))[1].append(event.__name__)
    rows = ((code(name), text, _on(names)) for name, (text, names) in sorted(found.items()))
    text = "A record needs none of them; others are passed on or ignored."
    return f"## Headers\n\n{text}\n\n{table(('header', '', 'on'), rows)}"


def _on(names: list[str]) -> str:
    return "every event" if len(names) == len(EVENTS) else ", ".join(names)
