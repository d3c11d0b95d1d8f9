"""Formatting a node's storage, once: complete or absent."""

import base64
import shutil
import subprocess
import uuid
from dataclasses import replace
from pathlib import Path

from streams.broker.errors import BrokerError, last_lines
from streams.broker.jars import java_command
from streams.broker.layout import Layout
from streams.broker.node import Node, server_properties

_SHORT_LIVED = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def ensure_formatted(layout: Layout, node: Node, cache: Path) -> None:
    """Format the node's storage unless it exists; a killed attempt is started afresh.

    Existing data is never touched. Raises ``BrokerError`` with the tool's last lines.
    """
    if layout.data.exists():
        return
    shutil.rmtree(layout.unfinished_data, ignore_errors=True)
    unfinished = replace(node, data_directory=layout.unfinished_data)
    layout.properties.write_text(server_properties(unfinished))
    _format(layout.properties, cache)
    layout.unfinished_data.rename(layout.data)


def _format(properties: Path, cache: Path) -> None:
    arguments = ("format", "--standalone", f"--cluster-id={_new_id()}", "-c", str(properties))
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
    """Return a cluster id: 16 random bytes, as Kafka writes them."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
