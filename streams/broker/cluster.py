"""A throw-away cluster of three nodes, each broker and controller, for tests of broker losses."""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from streams.broker.ephemeral import EphemeralBroker
from streams.broker.errors import BrokerError
from streams.broker.jars import libs
from streams.broker.layout import Layout, default_cache
from streams.broker.node import HOST, Node
from streams.broker.ports import free_ports, port_free
from streams.broker.server import Status, start_node
from streams.broker.storage import Quorum

NODES = 3
SMALL_JVM = ("-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_QUORUM_STATE = "__cluster_metadata-0/quorum-state"
_ATTEMPTS = 3


class ClusterNode(EphemeralBroker):
    """One of the nodes: can be crashed and started again, while the others go on."""

    def __init__(
        self, node_id: int, ports: tuple[int, int], cluster: "Cluster", timeout_s: float
    ) -> None:
        """Take a directory of its own; nothing runs before ``start``."""
        directory = Path(tempfile.mkdtemp(prefix="zeta-broker-"))
        super().__init__(directory, cluster.cache, cluster.jvm, timeout_s)
        self.node_id = node_id
        self._port, self._controller_port = ports
        self._cluster = cluster

    def start(self) -> Status:
        """Start it, the first time together with the others; raises ``BrokerError``."""
        node = Node(
            Layout.of(self.directory).data,
            self._port,
            self._controller_port,
            node_id=self.node_id,
            controllers=self._cluster.controllers,
            replication=NODES,
        )
        return start_node(
            self.directory,
            node,
            quorum=self._cluster.quorum,
            cache=self._cache,
            jvm=self._jvm,
            timeout_s=self._timeout_s,
            spawn=self._spawn_guarded,
        )

    @property
    def ports_free(self) -> bool:
        """Whether nobody listens on its ports."""
        return port_free(self._port) and port_free(self._controller_port)


class Cluster:
    """Three nodes that keep three copies of everything, and take writes with two of them."""

    def __init__(self, cache: Path, jvm: tuple[str, ...], timeout_s: float) -> None:
        """Take free ports; nothing runs before ``start``."""
        self.cache, self.jvm = cache, jvm
        ports = free_ports(2 * NODES)
        self.controllers = tuple(f"{HOST}:{port}" for port in ports[NODES:])
        self.quorum = Quorum.of(self.controllers)
        pairs = zip(ports[:NODES], ports[NODES:], strict=True)
        self.nodes = [
            ClusterNode(number, pair, self, timeout_s) for number, pair in enumerate(pairs, start=1)
        ]

    @property
    def bootstrap(self) -> str:
        """The addresses for clients, with commas between."""
        return ",".join(node.bootstrap for node in self.nodes)

    def start(self) -> None:
        """Start all nodes at once; raises ``BrokerError`` if one doesn't come up."""
        with ThreadPoolExecutor(NODES) as threads:
            for started in [threads.submit(node.start) for node in self.nodes]:
                started.result()

    def controller(self) -> ClusterNode | None:
        """Return the node that leads the controllers, as the newest of their files says."""
        newest = max(map(_leader, self.nodes), default=(0, 0))
        return next((node for node in self.nodes if node.node_id == newest[1]), None)

    def close(self) -> None:
        """Kill all nodes and delete their directories."""
        for node in self.nodes:
            node.close()


def _leader(node: ClusterNode) -> tuple[int, int]:
    """Return the epoch and the leader's id, as this node knows them; zeros if it doesn't."""
    with suppress(FileNotFoundError, json.JSONDecodeError):
        state = json.loads((Layout.of(node.directory).data / _QUORUM_STATE).read_text())
        return int(state["leaderEpoch"]), int(state["leaderId"])
    return 0, 0


@contextmanager
def cluster(
    *,
    cache: Path | None = None,
    jvm: tuple[str, ...] = SMALL_JVM,
    timeout_s: float = 90.0,
) -> Iterator[Cluster]:
    """Run a cluster on free loopback ports in temporary directories; all is gone at exit.

    Never orphans, as ``ephemeral``. Raises ``BrokerError`` as ``start`` does.
    """
    cache = cache or default_cache()
    libs(cache)
    made = _started(cache, jvm, timeout_s)
    try:
        yield made
    finally:
        made.close()


def _started(cache: Path, jvm: tuple[str, ...], timeout_s: float) -> Cluster:
    """Start on free ports; another program may take one between the look and the use."""
    for attempt in range(1, _ATTEMPTS + 1):
        made = Cluster(cache, jvm, timeout_s)
        try:
            made.start()
        except BaseException as error:
            made.close()
            taken = not all(node.ports_free for node in made.nodes)
            if isinstance(error, BrokerError) and taken and attempt < _ATTEMPTS:
                continue
            raise
        return made
    raise AssertionError("every attempt returns or raises")
