"""A throw-away broker with more listeners, users and an authorizer: for tests of security."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.broker.ephemeral import FAST_JVM, EphemeralBroker
from streams.broker.jars import libs
from streams.broker.layout import Layout, default_cache
from streams.broker.node import HOST, Node, Security
from streams.broker.server import Status, start_node


class SecuredBroker(EphemeralBroker):
    """An ``EphemeralBroker`` that also listens where ``security`` says."""

    def __init__(
        self,
        directory: Path,
        cache: Path,
        jvm: tuple[str, ...],
        timeout_s: float,
        security: Security,
    ) -> None:
        """Take the directory to live in; nothing runs before ``start``."""
        super().__init__(directory, cache, jvm, timeout_s)
        self._security = security

    def start(self) -> Status:
        """Start it, again after ``kill`` or ``stop``; raises ``BrokerError``."""
        node = Node(
            Layout.of(self.directory).data,
            self._port,
            self._controller_port,
            security=self._security,
        )
        return start_node(
            self.directory,
            node,
            cache=self._cache,
            jvm=self._jvm,
            timeout_s=self._timeout_s,
            spawn=self._spawn_guarded,
        )

    def listener(self, name: str) -> str:
        """The ``host:port`` of this listener."""
        ports = {listener.name: listener.port for listener in self._security.listeners}
        return f"{HOST}:{ports[name]}"


@contextmanager
def secured(
    security: Security,
    *,
    cache: Path | None = None,
    jvm: tuple[str, ...] = (),
    timeout_s: float = 40.0,
) -> Iterator[SecuredBroker]:
    """Run it in a temporary directory; all is gone at exit. Raises ``BrokerError``.

    Its plain listener, on loopback, is there too: for the broker itself, and for what a test does
    as nobody in particular.
    """
    cache = cache or default_cache()
    libs(cache)
    directory = Path(tempfile.mkdtemp(prefix="zeta-broker-"))
    broker = SecuredBroker(directory, cache, (*FAST_JVM, *jvm), timeout_s, security)
    try:
        broker.start()
        yield broker
    finally:
        broker.close()
