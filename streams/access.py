"""Who may do what on Kafka: the least that each role needs, as a table (docs/security.md).

Kafka itself adds Describe to Read and to Write, and the idempotent producer's right to Write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streams.settings import Settings
from streams.topics import model_topic, topic_table

Operation: TypeAlias = Literal["Read", "Write", "Create", "Describe", "DescribeConfigs"]
Resource: TypeAlias = Literal["topic", "group"]

WORKER = "worker-"
PRINCIPAL = "User:zeta-"
"""Before the role's name, where no other principal is given for it."""


@dataclass(frozen=True)
class Access:
    """What one role does besides reading in its group. Topics without the prefix.

    ``group``: it commits as a consumer group of the role's name. ``watches``: it may ask where
    every topic ends, and what every role's group has committed.
    """

    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    group: bool = True
    watches: bool = False


@dataclass(frozen=True)
class Grant:
    """One row: the operations on one resource, by its literal name, prefix included."""

    role: str
    resource: Resource
    name: str
    operations: tuple[Operation, ...]


ROLES = {
    "router": Access(
        reads=("queries", "reroutes", "rules", "model-status"),
        writes=("models.*", "reroutes", "responses", "dead-letters"),
    ),
    "grader": Access(
        reads=("responses", "feedback"),
        # Feedback goes on to the partition where its answer is.
        writes=("metrics", "feedback", "dead-letters"),
    ),
    "aggregator": Access(reads=("metrics",), writes=("scores", "metrics", "dead-letters")),
    "tuner": Access(
        reads=("scores", "controls", "rules", "rules-log"),
        writes=("rules", "rules-log", "controls", "dead-letters"),
    ),
    "archiver": Access(reads=("archive.topics",)),
    "client": Access(reads=("responses",), writes=("queries",), group=False),
    "gateway": Access(
        reads=("responses", "chunks"),
        writes=("queries", "cancellations", "feedback"),
        group=False,
    ),
    "dashboard": Access(
        reads=(
            *("queries", "models.*", "reroutes", "responses", "feedback", "metrics", "scores"),
            *("rules", "rules-log", "model-status", "dead-letters"),
        ),
        group=False,
        watches=True,
    ),
}
"""The roles but the workers, the operator and the admin; ``models.*`` is each model's topic."""

EACH_WORKER = Access(
    reads=("cancellations",),
    writes=("responses", "metrics", "reroutes", "chunks", "model-status", "dead-letters"),
)
"""Of a worker, besides reading its own model's topic."""

OPERATOR = Access(
    reads=("*",),
    writes=("queries", "reroutes", "models.*", "responses", "feedback", "controls"),
    group=False,
)
"""Pins, feedback, redrive, replay, and everything that only looks."""


def role_names(settings: Settings) -> list[str]:
    """Every role there is a principal for, one worker per model."""
    return [*ROLES, *_workers(settings), "operator", "admin"]


def grants(settings: Settings, role: str) -> list[Grant]:
    """The role's rows, in the topic table's order."""
    topics = [row.name for row in topic_table(settings.models)]
    prefix = settings.kafka.prefix
    if role == "admin":
        asked: tuple[Operation, ...] = ("Create", "Describe", "DescribeConfigs")
        return [Grant(role, "topic", prefix + name, asked) for name in topics]
    access = _access(role)
    reads, writes = (set(_named(settings, names)) for names in (access.reads, access.writes))
    found = []
    for name in topics:
        operations = _operations(reads=name in reads, writes=name in writes)
        if role == "operator" and name in writes:
            operations += ("DescribeConfigs",)  # redrive and replay ask how large a record may be
        if access.watches and not operations:
            operations = ("Describe",)
        if operations:
            found.append(Grant(role, "topic", prefix + name, operations))
    if access.group:
        found.append(Grant(role, "group", prefix + role, ("Read",)))
    if access.watches:
        groups = [*(name for name, row in ROLES.items() if row.group), *_workers(settings)]
        found += [Grant(role, "group", prefix + name, ("Describe",)) for name in groups]
    return found


def _workers(settings: Settings) -> list[str]:
    return [WORKER + name for name in settings.models]


def _access(role: str) -> Access:
    if role == "operator":
        return OPERATOR
    if role.startswith(WORKER):
        own = model_topic(role.removeprefix(WORKER))
        return Access(reads=(own, *EACH_WORKER.reads), writes=EACH_WORKER.writes)
    return ROLES[role]


def _named(settings: Settings, names: Sequence[str]) -> Iterator[str]:
    every = [row.name for row in topic_table(settings.models)]
    for name in names:
        match name:
            case "*":
                yield from every
            case "models.*":
                yield from map(model_topic, settings.models)
            case "archive.topics":
                yield from settings.archive.topics or every
            case _:
                yield name


def _operations(*, reads: bool, writes: bool) -> tuple[Operation, ...]:
    return (*(("Read",) if reads else ()), *(("Write",) if writes else ()))
