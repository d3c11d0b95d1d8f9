"""The configuration of one Kafka node, combined broker and controller, on loopback."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Listener:
    """One more port for clients: its name, and ``SSL``, ``SASL_SSL`` or ``SASL_PLAINTEXT``."""

    name: str
    protocol: str
    port: int


@dataclass(frozen=True)
class Security:
    """Listeners beside the plain one, properties of the broker's, and SCRAM users (passwords).

    The users are made when the storage is formatted. For tests: passwords are on a command line.
    """

    listeners: tuple[Listener, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """One Kafka node.

    ``controllers`` are the ``host:port`` of all the controllers, this node alone when empty;
    ``replication`` is the copies of each partition, internal topics included.
    """

    data_directory: Path
    port: int
    controller_port: int
    node_id: int = 1
    controllers: tuple[str, ...] = ()
    replication: int = 1
    security: Security = field(default_factory=Security)

    def __post_init__(self) -> None:
        """Refuse what Kafka would read as something else."""
        if "," in str(self.data_directory):
            message = f"Kafka reads a comma as a separator: {self.data_directory}"
            raise ValueError(message)

    @property
    def bootstrap(self) -> str:
        """The ``host:port`` that clients connect to."""
        return f"{HOST}:{self.port}"


def server_properties(node: Node) -> str:
    """Return Kafka's ``server.properties`` for ``node``; the same node gives the same text."""
    settings = _network(node) | _storage(node) | _coordination(node)
    settings |= node.security.properties
    return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())


def _network(node: Node) -> dict[str, str]:
    controller = f"{HOST}:{node.controller_port}"
    more = node.security.listeners
    addresses = [f"PLAINTEXT://{node.bootstrap}", *(f"{x.name}://{HOST}:{x.port}" for x in more)]
    protocols = ["PLAINTEXT:PLAINTEXT", *(f"{x.name}:{x.protocol}" for x in more)]
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "listeners": ",".join([*addresses, f"CONTROLLER://{controller}"]),
        "advertised.listeners": ",".join(addresses),
        "listener.security.protocol.map": ",".join([*protocols, "CONTROLLER:PLAINTEXT"]),
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": ",".join(node.controllers or (controller,)),
    }


def _storage(node: Node) -> dict[str, str]:
    return {
        "log.dirs": str(node.data_directory),
        "auto.create.topics.enable": "false",
        "default.replication.factor": str(node.replication),
        "min.insync.replicas": _in_sync(node),
        # Kafka's default takes 128 MB of the heap at start-up.
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }


def _coordination(node: Node) -> dict[str, str]:
    settings = {
        "group.initial.rebalance.delay.ms": "0",
        # A crashed node may register again only when its old session is over (default: 9 s).
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "1000",
    }
    # Kafka's 50 partitions per internal topic make the first group slow to come up.
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        settings[f"{topic}.num.partitions"] = "8"
        settings[f"{topic}.replication.factor"] = str(node.replication)
    for topic in ("transaction.state.log", "share.coordinator.state.topic"):
        settings[f"{topic}.min.isr"] = _in_sync(node)
    return settings


def _in_sync(node: Node) -> str:
    return str(max(1, node.replication - 1))


def _escaped(value: str) -> str:
    """Write a value as Java's Properties.load reads it: Latin-1 with backslash escapes."""
    escaped = value.replace("\\", "\\\\")
    units = escaped.encode("utf-16-be")
    codes = (int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2))
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)
