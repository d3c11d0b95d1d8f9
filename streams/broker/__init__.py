"""A local Apache Kafka broker: one real node on loopback, fetched by Maven, run on Java.

``start``, ``stop`` and ``status`` look after a broker that stays; ``ephemeral`` gives tests one
that goes away with them; ``tool_command`` runs Kafka's own console tools.
"""

from streams.broker.ephemeral import EphemeralBroker, ephemeral
from streams.broker.errors import BrokerError
from streams.broker.jars import kafka_version, libs, tool_command
from streams.broker.layout import default_cache, default_directory
from streams.broker.node import Node, server_properties
from streams.broker.server import Status, start, status, stop

__all__ = [
    "BrokerError",
    "EphemeralBroker",
    "Node",
    "Status",
    "default_cache",
    "default_directory",
    "ephemeral",
    "kafka_version",
    "libs",
    "server_properties",
    "start",
    "status",
    "stop",
    "tool_command",
]
