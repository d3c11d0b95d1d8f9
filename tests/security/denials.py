"""What happens to whoever tries."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from streams.connecting import connection
from streams.producing import Outbox, SendFailedError
from streams.settings import Kafka
from streams.tables import partitions_of


async def read_error(kafka: Kafka, topic: str) -> str:
    """What a reader of the topic is told."""
    try:
        partitions = await partitions_of(kafka, kafka.prefix + topic)
    except KafkaError as error:
        return repr(error)
    consumer = AIOKafkaConsumer(**connection(kafka), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.getmany(timeout_ms=5000)
    except KafkaError as error:
        return repr(error)
    finally:
        await consumer.stop()
    return ""


async def write_error(kafka: Kafka, topic: str) -> str:
    """What an outbox that sends one record is told."""
    outbox = Outbox(kafka, client_id="trial")
    await outbox.start()
    try:
        await outbox.send(topic, b"{}", key=None)
        await outbox.flush()
    except SendFailedError as error:
        return str(error)
    finally:
        await outbox.stop()
    return ""
