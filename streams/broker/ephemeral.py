"""A throw-away broker for tests and demonstrations."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streams.broker import processes
from streams.broker.errors import BrokerError
from streams.broker.jars import libs
from streams.broker.layout import Layout, default_cache
from streams.broker.ports import free_ports, port_free
from streams.broker.server import Status, start, status, stop

FAST_JVM = ("-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_GUARDIAN = Path(__file__).with_name("guardian.py")
_PORT_ATTEMPTS = 3


class EphemeralBroker:
    """A running broker that can be crashed and started again, on the same port and data."""

    def __init__(self, directory: Path, cache: Path, jvm: tuple[str, ...], timeout_s: float):
        """Take the directory to live in; nothing runs before ``start``."""
        self.directory = directory
        self._cache, self._jvm, self._timeout_s = cache, jvm, timeout_s
        self._port, self._controller_port = free_ports(2)
        self._guardians: list[tuple[int, int]] = []

    @property
    def bootstrap(self) -> str:
        """The ``host:port`` for clients."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> Status:
        """Start it, again after ``kill`` or ``stop``; raises ``BrokerError`` as ``start`` does."""
        return start(
            self.directory,
            self._port,
            controller_port=self._controller_port,
            cache=self._cache,
            jvm=self._jvm,
            timeout_s=self._timeout_s,
            spawn=self._spawn_guarded,
        )

    def stop(self) -> Status:
        """Stop it in good order; the data stays for the next ``start``."""
        return stop(self.directory)

    def kill(self) -> None:
        """Crash it (SIGKILL); the data stays for the next ``start``."""
        processes.kill(Layout.of(self.directory))

    def status(self) -> Status:
        """Return what ``streams.broker.status`` says of it."""
        return status(self.directory)

    def renew_ports(self) -> bool:
        """Take other ports if one was lost to another program since; say whether."""
        if port_free(self._port) and port_free(self._controller_port):
            return False
        self._port, self._controller_port = free_ports(2)
        return True

    def close(self) -> None:
        """Kill the broker and delete its directory."""
        for guardian, words in self._guardians:
            # Say it, don't only hang up: a forked child of ours may hold the line open.
            with suppress(BrokenPipeError):
                os.write(words, b"end")
            os.close(words)
            os.waitpid(guardian, 0)
        self._guardians.clear()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _spawn_guarded(self, layout: Layout, command: list[str]) -> None:
        hears, words = os.pipe()
        script = [sys.executable, "-I", "-S", str(_GUARDIAN), str(os.getpid()), str(layout.root)]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        guardian = os.posix_spawn(
            sys.executable,
            [*script, *command],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, hears, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(layout.log), flags, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        os.close(hears)
        self._guardians.append((guardian, words))


@contextmanager
def ephemeral(
    *,
    cache: Path | None = None,
    jvm: tuple[str, ...] = FAST_JVM,
    timeout_s: float = 30.0,
) -> Iterator[EphemeralBroker]:
    """Run a broker on free loopback ports in a temporary directory; both are gone at exit.

    Never an orphan: when this process ends in any way, SIGKILL included, the broker is killed and
    its directory deleted within about a second. Raises ``BrokerError`` as ``start`` does.
    """
    cache = cache or default_cache()
    libs(cache)
    directory = Path(tempfile.mkdtemp(prefix="zeta-broker-"))
    broker = EphemeralBroker(directory, cache, jvm, timeout_s)
    try:
        _start_somewhere(broker)
        yield broker
    finally:
        broker.close()


def _start_somewhere(broker: EphemeralBroker) -> None:
    """Start on free ports; another program may take one between the look and the use."""
    for _ in range(_PORT_ATTEMPTS - 1):
        try:
            broker.start()
        except BrokerError:
            if not broker.renew_ports():
                raise
        else:
            return
    broker.start()
