"""A real broker: it keeps data, reports itself, and says what went wrong."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.broker import BrokerError, Status, kafka_version, start, status, stop
from streams.broker.ephemeral import FAST_JVM
from streams.broker.ports import free_ports

TOPIC = "kept"


@dataclass(frozen=True)
class Place:
    """Where a test's broker lives."""

    directory: Path
    port: int
    controller_port: int

    def start(self, jvm: tuple[str, ...] = FAST_JVM, timeout_s: float = 30.0) -> Status:
        """Start the broker here."""
        return start(
            self.directory,
            self.port,
            controller_port=self.controller_port,
            jvm=jvm,
            timeout_s=timeout_s,
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give a place for a broker, which is stopped afterwards."""
    yield Place(tmp_path / "broker", *free_ports(2))
    stop(tmp_path / "broker")


def crash(pid: int) -> None:
    """Kill a broker that this process started, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


async def put(bootstrap: str | None, value: bytes) -> None:
    """Make the topic and write one record, acknowledged."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(TOPIC, value)
    finally:
        await producer.stop()


async def take(bootstrap: str | None) -> bytes:
    """Return the topic's first record, read as a consumer group's member."""
    consumer = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=bootstrap, group_id="readers", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        record = await asyncio.wait_for(consumer.getone(), 20)
    finally:
        await consumer.stop()
    return bytes(record.value)


async def test_start_stop_status_and_the_data_survive(place: Place) -> None:
    assert not status(place.directory).running
    first = place.start()
    assert first == Status(
        running=True,
        pid=first.pid,
        bootstrap=f"127.0.0.1:{place.port}",
        version=kafka_version(),
        data_directory=place.directory / "data",
        log_file=place.directory / "broker.log",
        uptime_s=first.uptime_s,
    )
    assert first.uptime_s is not None
    assert 0 < first.uptime_s < 60
    await put(first.bootstrap, b"one")

    stopped = stop(place.directory)
    assert (stopped.running, stopped.pid, stopped.uptime_s) == (False, None, None)
    assert not stop(place.directory).running
    assert not (place.directory / "broker.pid").exists()

    second = place.start()
    assert second.pid != first.pid
    assert await take(second.bootstrap) == b"one"


async def test_it_can_move_to_other_ports(place: Place) -> None:
    await put(place.start().bootstrap, b"one")
    stop(place.directory)
    moved = Place(place.directory, *free_ports(2)).start()
    assert moved.bootstrap != f"127.0.0.1:{place.port}"
    assert await take(moved.bootstrap) == b"one"


async def test_a_crash_loses_nothing(place: Place) -> None:
    first = place.start()
    assert first.pid is not None
    await put(first.bootstrap, b"one")
    crash(first.pid)
    assert not status(place.directory).running
    assert await take(place.start().bootstrap) == b"one"


def test_of_two_starts_one_wins_and_both_report_it(place: Place) -> None:
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: place.start(), range(2))
    assert first.running
    assert first.pid == second.pid == status(place.directory).pid
    third = Place(place.directory, *free_ports(2)).start()
    assert (third.pid, third.bootstrap) == (first.pid, first.bootstrap)


@pytest.mark.parametrize("listener", ["port", "controller_port"])
def test_a_taken_port_is_named(place: Place, listener: str) -> None:
    number = getattr(place, listener)
    with (
        closing(socket.create_server(("127.0.0.1", number))),
        pytest.raises(BrokerError, match=f"port {number} on 127.0.0.1 is taken"),
    ):
        place.start()
    assert not status(place.directory).running


def test_a_broker_that_dies_at_once_shows_its_last_words(place: Place) -> None:
    with pytest.raises(BrokerError, match=r"ended while starting(.|\n)*'NoSuchOption'"):
        place.start(jvm=("-XX:NoSuchOption",))
    assert not status(place.directory).running


def test_a_broker_that_does_not_answer_in_time_is_ended(place: Place) -> None:
    with pytest.raises(BrokerError, match=r"did not answer within 0\.3 s"):
        place.start(timeout_s=0.3)
    assert not status(place.directory).running
    assert not (place.directory / "broker.pid").exists()


def test_a_recycled_process_id_is_not_believed(place: Place) -> None:
    place.directory.mkdir()
    (place.directory / "broker.pid").write_text(str(os.getpid()))
    assert not status(place.directory).running
    stop(place.directory)  # and this very process lives on
