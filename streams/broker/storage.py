"""Formatting a node's storage, once: complete or absent."""

import base64
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from streams.broker.errors import BrokerError, last_lines
from streams.broker.jars import java_command
from streams.broker.layout import Layout
from streams.broker.node import Node, server_properties

_SHORT_LIVED = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@dataclass(frozen=True)
class Quorum:
    """What the nodes of one cluster are formatted with, the same for each of them.

    ``voters`` are its controllers as the tool takes them: ``<node id>@<host:port>:<directory id>``.
    """

    cluster_id: str
    voters: tuple[str, ...]

    @classmethod
    def of(cls, controllers: Sequence[str]) -> "Quorum":
        """Return a new quorum of these ``host:port``; the first one's node id is 1."""
        named = enumerate(controllers, start=1)
        return cls(_new_id(), tuple(f"{number}@{where}:{_new_id()}" for number, where in named))


def ensure_formatted(layout: Layout, node: Node, cache: Path, quorum: Quorum | None = None) -> None:
    """Format the node's storage unless it exists; a killed attempt is started afresh.

    Without a ``quorum`` the node is a cluster of its own. Existing data is never touched. Raises
    ``BrokerError`` with the tool's last lines.
    """
    if layout.data.exists():
        return
    shutil.rmtree(layout.unfinished_data, ignore_errors=True)
    unfinished = replace(node, data_directory=layout.unfinished_data)
    layout.properties.write_text(server_properties(unfinished))
    _format(layout.properties, cache, quorum, node.security.users)
    layout.unfinished_data.rename(layout.data)


def _format(properties: Path, cache: Path, quorum: Quorum | None, users: Mapping[str, str]) -> None:
    if quorum is None:
        who = ("--standalone", f"--cluster-id={_new_id()}")
    else:
        who = (
            f"--initial-controllers={','.join(quorum.voters)}",
            f"--cluster-id={quorum.cluster_id}",
        )
    scram = (
        f"--add-scram=SCRAM-SHA-512=[name={name},password={password}]"
        for name, password in users.items()
    )
    arguments = ("format", *who, *scram, "-c", str(properties))
    command = java_command("kafka.tools.StorageTool", *arguments, cache=cache, jvm=_SHORT_LIVED)
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        message = f"Kafka could not format its storage:\n{last_lines(done.stdout)}"
        raise BrokerError(message)


def _new_id() -> str:
    """Return an id of a cluster or of a directory: 16 random bytes, as Kafka writes them."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
