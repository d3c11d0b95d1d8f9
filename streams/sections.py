"""The sections of ``zeta.toml``: every key, its type, its range and its default.

Those that say how answers are graded and what is served are in files of their own.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from schemas.model_status import Capability
from schemas.wire import (
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    PositiveSeconds,
    Seconds,
)

Protocol = Literal["tgi", "openai", "tei"]
PolicyName = Literal["epsilon-greedy", "greedy", "seed", "static", "thompson", "ucb"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]
ObjectiveName = Literal["accuracy", "balanced", "inverse-latency"]

# \Z and not $, which would let a line break follow. A model's name is part of a topic's.
NAME_PATTERN = r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,199}\Z"
Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
TopicName = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,248}\Z")]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the sections: an unknown key is an error."""


class Kafka(Section, frozen=True, kw_only=True):
    """The broker and how records go in and out.

    ``prefix`` is put before every topic and consumer group, so that several systems can share a
    broker. In a ``sandbox`` replayed records count as new ones (docs/replay.md).
    ``replication`` is taken down to the number of brokers. ``drain_s`` bounds how long a stop or
    a rebalance waits for work in flight. ``session_timeout_s`` has the bounds that a broker has
    (``group.min.session.timeout.ms`` and ``group.max.session.timeout.ms``).
    Passwords are elsewhere: ``password_variable`` and ``key_password_variable`` name environment
    variables, ``password_file`` a file. Certificates and keys are PEM (docs/security.md).
    """

    bootstrap: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1:9092"
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9._-]{0,40}\Z")] = ""
    sandbox: bool = False
    partitions: PositiveInt = 4
    replication: PositiveInt = 3
    min_in_sync: PositiveInt = 2
    session_timeout_s: Annotated[float, msgspec.Meta(ge=6, le=1800)] = 6.0
    drain_s: PositiveSeconds = 10.0
    commit_interval_s: PositiveSeconds = 0.05
    max_batch: PositiveInt = 1000
    max_in_flight: PositiveInt = 4000
    max_in_flight_bytes: PositiveInt = 64 * 1024 * 1024
    max_record_bytes: PositiveInt = 1_048_576
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    username: str = ""
    password_variable: str = ""
    password_file: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    key_password_variable: str = ""


class Model(Section, frozen=True, kw_only=True):
    """A model endpoint. Prices are USD per million tokens; ``size`` is only shown.

    ``timeout_s`` is for a whole call, ``first_token_timeout_s`` for a stream's first token.
    ``ca_file`` (PEM) is trusted for an https endpoint instead of the system's authorities.
    ``token_variable`` names the variable with the endpoint's bearer token, or ``token_file`` the
    file; a URL with a user or a password in it is refused.
    ``api`` is tgi's: whether plain prompts go through the chat template (``messages``) or as they
    are (``generate``). ``normalize`` and ``truncate`` are tei's. The server's health is looked at
    every ``probe_s``; 0: never (docs/model-servers.md).
    """

    endpoint: str = ""
    protocol: Protocol
    api: Literal["messages", "generate"] = "messages"
    serves: Annotated[list[Capability], msgspec.Meta(min_length=1)]
    size: str = ""
    served_name: str = ""
    input_price: Seconds = 0.0
    output_price: Seconds = 0.0
    concurrency: PositiveInt = 8
    vector_space: str = ""
    dimension: PositiveInt | None = None
    normalize: bool = True
    truncate: bool = False
    timeout_s: PositiveSeconds = 120.0
    connect_timeout_s: PositiveSeconds = 5.0
    first_token_timeout_s: PositiveSeconds | None = None
    retries: NonNegativeInt = 2
    probe_s: Seconds = 30.0
    token_variable: str = ""
    token_file: str = ""
    ca_file: str = ""


class TaskReference(Section, frozen=True, kw_only=True):
    """How answers of a task are graded whose queries bring no reference: as ``Reference``."""

    kind: Annotated[str, msgspec.Meta(min_length=1)]
    value: Any = None
    tolerance: NonNegativeFloat | None = None


class Task(Section, frozen=True, kw_only=True):
    """A kind of query: what a model must serve, the prior, and how answers are graded.

    ``candidates`` empty means every capable model. ``prior`` maps candidates to weights that
    sum to 1 (the starting idea's mapping is one model with 1).
    """

    needs: Capability = "chat"
    candidates: list[str] = msgspec.field(default_factory=list)
    prior: dict[str, Fraction] = msgspec.field(default_factory=dict)
    time_limit_s: PositiveSeconds = 300.0
    latency_target_s: PositiveSeconds = 10.0
    instructions: str = ""
    reference: TaskReference | None = None


class Routing(Section, frozen=True, kw_only=True):
    """The policy and what shapes its weights; see docs/routing.md."""

    policy: PolicyName = "thompson"
    objective: ObjectiveName = "balanced"
    exploration: Fraction = 0.02
    probe: Fraction = 0.03
    epsilon: Fraction = 0.1
    largest_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    cold_share: Fraction = 0.1
    largest_step: Fraction = 0.4
    min_samples: NonNegativeInt = 0
    dwell_windows: NonNegativeInt = 0
    margin: Fraction = 0.0
    discount: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    detection: bool = True
    sharpness: Annotated[float, msgspec.Meta(gt=0, le=20)] = 6.0
    prior_mass: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 4.0
    quality_weight: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.8
    latency_weight: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.15
    price_weight: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.05
    service_discount: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    seed_threshold: NonNegativeFloat = 0.8
    epoch_windows: PositiveInt = 60
    retry_first_s: PositiveSeconds = 0.5
    retry_longest_s: PositiveSeconds = 30.0
    default_task: Name = "reasoning"


class Breaker(Section, frozen=True, kw_only=True):
    """When a worker stops asking its model, and how it starts again: docs/failures.md.

    It opens when at least ``failures``, and at least the share ``rate``, of the last ``window``
    calls failed; the pause of ``open_s`` doubles, up to ``longest_open_s``, with each failed
    probe; ``probes`` calls in a row must succeed. Workers report every ``report_s``.
    """

    failures: PositiveInt = 5
    rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    window: PositiveInt = 20
    open_s: PositiveSeconds = 5.0
    longest_open_s: PositiveSeconds = 60.0
    probes: PositiveInt = 2
    report_s: PositiveSeconds = 10.0


class Windows(Section, frozen=True, kw_only=True):
    """Tumbling windows of ``metrics``, each closed in ``panes`` equal parts: docs/windows.md."""

    size_s: Annotated[float, msgspec.Meta(ge=0.001)] = 60.0
    panes: Annotated[int, msgspec.Meta(ge=1, le=100)] = 4
    lateness_s: Seconds = 2.0
    tick_s: Annotated[float, msgspec.Meta(ge=0.01)] = 1.0
    skew_s: PositiveSeconds = 60.0
    horizon_s: PositiveSeconds = 3600.0

    @property
    def pane_ms(self) -> int:
        """What closes at a time: a whole number of milliseconds, at least one."""
        return max(1, round(self.size_s * 1000 / self.panes))

    @property
    def horizon_ms(self) -> int:
        """So long a metric's identity is known at least."""
        return round(self.horizon_s * 1000)


class Archive(Section, frozen=True, kw_only=True):
    """Where ``zeta run archiver`` keeps the log as Parquet, and when a file is full.

    ``directory`` is a path or an fsspec URL; empty: there is no archive. ``topics`` are those to
    keep; empty: all of the topic table. A file is published when it has ``roll_rows`` records or
    ``roll_bytes`` (as written), or ``roll_s`` after its first record came. ``redact`` says which
    fields (``query.prompt``) are kept as a keyed hash or not at all; ``redact_key_variable`` names
    the variable with that key, or ``redact_key_file`` the file.
    """

    directory: str = ""
    topics: list[TopicName] = msgspec.field(default_factory=list)
    roll_rows: PositiveInt = 1_000_000
    roll_bytes: PositiveInt = 128 * 1024 * 1024
    roll_s: PositiveSeconds = 300.0
    redact: dict[str, Literal["drop", "hash"]] = msgspec.field(default_factory=dict)
    redact_key_variable: str = ""
    redact_key_file: str = ""
