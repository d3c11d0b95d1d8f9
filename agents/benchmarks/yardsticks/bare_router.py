"""The least that a router can be: consume, decode, encode, produce, flush, commit.

It finds a record's partition as the router does: Kafka's own hash takes longer than a decision.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas.query import Query
from schemas.wire import decode, encode
from streams.collecting import collect_seldom
from streams.connecting import connection
from streams.producing import quick_home
from streams.settings import load
from streams.topics import model_topic

GROUP = "bare"


async def main(file: Path) -> None:
    """Puts every query on the first model's topic, as a batch of one fetch at a time."""
    settings = load(file, {})
    kafka = settings.kafka
    target = kafka.prefix + model_topic(next(iter(settings.models)))
    consumer = AIOKafkaConsumer(
        kafka.prefix + "queries",
        **connection(kafka),
        group_id=kafka.prefix + GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=1024 * 1024,
    )
    producer = AIOKafkaProducer(
        **connection(kafka),
        acks="all",
        enable_idempotence=True,
        linger_ms=1,
        max_batch_size=128 * 1024,
    )
    await consumer.start()
    await producer.start()
    partitions = len(await producer.partitions_for(target))
    collect_seldom()  # as a role does
    print("bare router is ready", flush=True)
    while True:
        fetched = await consumer.getmany(timeout_ms=200, max_records=kafka.max_batch)
        for records in fetched.values():
            for record in records:
                query = decode(Query, record.value)
                key = query.query_id.encode()
                partition = quick_home(key, partitions)
                await producer.send(target, encode(query), key=key, partition=partition)
        if fetched:
            await producer.flush()
            await consumer.commit()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
