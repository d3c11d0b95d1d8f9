"""Waiting until a broker answers, not merely listens."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.broker.node import HOST


def wait_until_answering(port: int, alive: Callable[[], bool], timeout_s: float) -> bool:
    """Return true once the broker describes itself; false after ``timeout_s`` or when it died."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and alive():
        # A client logs each refused connection: ask politely only when someone listens.
        if _listening(port) and _describes_itself(port):
            return True
        time.sleep(0.05)
    return False


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def _describes_itself(port: int) -> bool:
    """Ask from a thread: the caller may sit inside a running event loop."""
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(asyncio.run(_has_broker(port))))
    asking.start()
    asking.join()
    return answers == [True]


async def _has_broker(port: int) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=f"{HOST}:{port}", request_timeout_ms=3000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except KafkaError:
        return False
    finally:
        await admin.close()
    return bool(cluster["brokers"])
