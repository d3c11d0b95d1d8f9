"""Starting, stopping and looking at the local broker of one directory."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streams.broker.errors import BrokerError, log_tail
from streams.broker.jars import java_command, kafka_version, libs
from streams.broker.java import find_java
from streams.broker.layout import Layout, default_cache
from streams.broker.locks import exclusive
from streams.broker.node import HOST, Node, server_properties
from streams.broker.ports import port_free
from streams.broker.processes import (
    end,
    running_pid,
    spawn_detached,
    uptime_s,
    with_pid_file,
)
from streams.broker.ready import wait_until_answering
from streams.broker.storage import Quorum, ensure_formatted

SERVER_JVM = ("-Xmx1g",)
_LARGEST_LOG_BYTES = 16 * 1024 * 1024
_CLIENT_PORT = re.compile(r"^advertised\.listeners=PLAINTEXT://[^,\n]*:(\d+)", re.MULTILINE)

Spawn = Callable[[Layout, list[str]], None]


@dataclass(frozen=True)
class Status:
    """One look at a broker.

    ``running`` says that its process lives; ``bootstrap`` is where it serves, or served last;
    ``uptime_s`` is in seconds. ``pid`` and ``uptime_s`` are none unless it runs.
    """

    running: bool
    pid: int | None
    bootstrap: str | None
    version: str
    data_directory: Path
    log_file: Path
    uptime_s: float | None


def start(
    directory: Path,
    port: int = 9092,
    *,
    controller_port: int | None = None,
    cache: Path | None = None,
    jvm: tuple[str, ...] = SERVER_JVM,
    timeout_s: float = 30.0,
    spawn: Spawn = spawn_detached,
) -> Status:
    """Start the broker of ``directory`` on loopback and return once it answers clients.

    A broker that already runs is left as it is and reported, whatever ``port`` says. Of two
    starts at once one starts it and the other reports it. Data of earlier runs is kept, also
    after a crash. ``controller_port`` defaults to ``port + 1``. The jars are fetched first if
    ``cache`` has none, which ``timeout_s`` doesn't count.

    Raises ``BrokerError`` when Java or Maven is missing, a port is taken, or the broker dies or
    doesn't answer within ``timeout_s`` (it is ended then, and the message has its last lines).
    """
    node = Node(Layout.of(directory).data, port, controller_port or port + 1)
    return start_node(directory, node, cache=cache, jvm=jvm, timeout_s=timeout_s, spawn=spawn)


def start_node(
    directory: Path,
    node: Node,
    *,
    quorum: Quorum | None = None,
    cache: Path | None = None,
    jvm: tuple[str, ...] = SERVER_JVM,
    timeout_s: float = 30.0,
    spawn: Spawn = spawn_detached,
) -> Status:
    """Start this node in ``directory`` as ``start`` does; in a ``quorum`` with its others.

    It answers once it has joined, so of a new cluster's nodes most must be started at once.
    """
    layout, cache = Layout.of(directory), cache or default_cache()
    launch = _Launch(layout, node, cache, jvm, timeout_s, spawn, quorum)
    if running_pid(layout) is None:
        find_java()
        libs(cache)
    with exclusive(layout.lock, timeout_s + 30.0):
        if running_pid(layout) is not None:
            _require_answer(layout, timeout_s)
        else:
            launch.run()
    return status(directory)


def stop(directory: Path, *, timeout_s: float = 15.0) -> Status:
    """Stop the broker of ``directory`` if it runs: SIGTERM, after ``timeout_s`` SIGKILL."""
    layout = Layout.of(directory)
    if layout.root.exists():
        with exclusive(layout.lock, timeout_s + 60.0):
            end(layout, timeout_s)
    return status(directory)


def status(directory: Path) -> Status:
    """Return what is known about the broker of ``directory``, which need not exist."""
    layout = Layout.of(directory)
    pid, port = running_pid(layout), _client_port(layout)
    return Status(
        running=pid is not None,
        pid=pid,
        bootstrap=None if port is None else f"{HOST}:{port}",
        version=kafka_version(),
        data_directory=layout.data,
        log_file=layout.log,
        uptime_s=None if pid is None else uptime_s(pid),
    )


@dataclass(frozen=True)
class _Launch:
    """Everything that one start needs."""

    layout: Layout
    node: Node
    cache: Path
    jvm: tuple[str, ...]
    timeout_s: float
    spawn: Spawn
    quorum: Quorum | None = None

    def run(self) -> None:
        """Start the broker and wait for its answer; on any failure nothing is left running."""
        _require_free_ports(self.node)
        self.layout.pid_file.unlink(missing_ok=True)
        ensure_formatted(self.layout, self.node, self.cache, self.quorum)
        self.layout.properties.write_text(server_properties(self.node))
        logged = _rotate(self.layout.log)
        try:
            self.spawn(self.layout, with_pid_file(self.layout, self._command()))
            _require_answer(self.layout, self.timeout_s, logged)
        except BaseException:
            end(self.layout, patience_s=1.0)
            raise

    def _command(self) -> list[str]:
        return java_command(
            "kafka.Kafka",
            str(self.layout.properties),
            cache=self.cache,
            jvm=(*self.jvm, "-XX:+ExitOnOutOfMemoryError"),
            log_level="info",
        )


def _require_free_ports(node: Node) -> None:
    for port in (node.port, node.controller_port):
        if not port_free(port):
            message = (
                f"port {port} on {HOST} is taken by another program: "
                "stop that one, or start the broker on another port"
            )
            raise BrokerError(message)


def _require_answer(layout: Layout, timeout_s: float, logged: int = 0) -> None:
    port = _client_port(layout)
    if port is not None and wait_until_answering(port, lambda: _alive(layout), timeout_s):
        return
    what = f"did not answer within {timeout_s:g} s" if _alive(layout) else "ended while starting"
    message = f"The broker {what}; the end of {layout.log}:\n{log_tail(layout.log, logged)}"
    raise BrokerError(message)


def _alive(layout: Layout) -> bool:
    """Say whether the broker lives or, before its first breath, has yet to write its id."""
    return not layout.pid_file.exists() or running_pid(layout) is not None


def _client_port(layout: Layout) -> int | None:
    if not layout.properties.exists():
        return None
    found = _CLIENT_PORT.search(layout.properties.read_text())
    return int(found.group(1)) if found else None


def _rotate(log: Path) -> int:
    """Put a large log aside; return the bytes that the log holds now."""
    size = log.stat().st_size if log.exists() else 0
    if size < _LARGEST_LOG_BYTES:
        return size
    log.replace(log.with_suffix(".log.1"))
    return 0
