"""The broker's configuration is a pure function of its node."""

from dataclasses import replace
from pathlib import Path

import pytest

from streams.broker import Node, server_properties

NODE = Node(data_directory=Path("/data/one"), port=9092, controller_port=9093)


def settings(node: Node) -> dict[str, str]:
    """Split what was written into names and values."""
    lines = server_properties(node).splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_one_node_is_its_own_controller_on_loopback_only() -> None:
    written = settings(NODE)
    assert written["process.roles"] == "broker,controller"
    assert written["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert written["controller.quorum.bootstrap.servers"] == "127.0.0.1:9093"
    assert written["log.dirs"] == "/data/one"


def test_topics_are_never_made_by_accident() -> None:
    assert settings(NODE)["auto.create.topics.enable"] == "false"


def test_a_lone_node_asks_for_one_copy_of_everything() -> None:
    copies = {
        name: value
        for name, value in settings(NODE).items()
        if name.endswith(("replication.factor", "min.isr", "insync.replicas"))
    }
    assert len(copies) == 7
    assert set(copies.values()) == {"1"}


def test_three_nodes_keep_three_copies_and_write_to_two() -> None:
    controllers = ("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
    written = settings(replace(NODE, node_id=2, controllers=controllers, replication=3))
    assert written["node.id"] == "2"
    assert written["controller.quorum.bootstrap.servers"] == ",".join(controllers)
    assert written["offsets.topic.replication.factor"] == "3"
    assert written["transaction.state.log.min.isr"] == "2"
    assert written["min.insync.replicas"] == "2"


def test_a_path_is_written_as_java_reads_it() -> None:
    node = replace(NODE, data_directory=Path("/data/ü\\𝄞"))
    assert settings(node)["log.dirs"] == "/data/\\u00fc\\\\\\ud834\\udd1e"


def test_a_path_that_kafka_would_split_is_refused() -> None:
    with pytest.raises(ValueError, match="comma"):
        replace(NODE, data_directory=Path("/data/a,b"))
