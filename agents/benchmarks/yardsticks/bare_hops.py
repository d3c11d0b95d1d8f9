"""Two hops with nothing between: ``queries`` to a model's topic, and from there, with one call of
the same client to the same model server, to ``responses``; each with acks=all and a commit.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from agents.benchmarks.yardsticks.bare_client import bare_client
from schemas.query import Query
from schemas.response import Response
from schemas.wire import decode, encode
from streams.clock import now_ms
from streams.connecting import connection
from streams.settings import Settings, load
from streams.topics import model_topic


async def main(file: Path, hop: str) -> None:
    """Runs the ``first`` hop or the ``second`` one."""
    settings = load(file, {})
    model = next(iter(settings.models))
    kafka = settings.kafka
    source = "queries" if hop == "first" else model_topic(model)
    consumer = AIOKafkaConsumer(
        kafka.prefix + source,
        **connection(kafka),
        group_id=f"{kafka.prefix}bare-{hop}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(
        **connection(kafka), acks="all", enable_idempotence=True, linger_ms=1
    )
    await consumer.start()
    await producer.start()
    print(f"{hop} hop is ready", flush=True)
    calls = _Calls(settings, model, producer)
    while True:
        fetched = await consumer.getmany(timeout_ms=200)
        for records in fetched.values():
            if hop == "first":
                for record in records:
                    query = decode(Query, record.value)
                    target = kafka.prefix + model_topic(model)
                    await producer.send(target, encode(query), key=query.query_id.encode())
            else:
                await asyncio.gather(*(calls.answer(record.value) for record in records))
        if fetched:
            await producer.flush()
            await consumer.commit()


class _Calls:
    def __init__(self, settings: Settings, model: str, producer: AIOKafkaProducer) -> None:
        self._target = settings.kafka.prefix + "responses"
        self._model = model
        self._producer = producer
        self._client = bare_client(settings.models[model].endpoint)

    async def answer(self, value: bytes) -> None:
        query = decode(Query, value)
        said = await self._client.chat_completion([{"role": "user", "content": query.text}])
        response = Response(
            query_id=query.query_id,
            model=self._model,
            text=said.choices[0].message.content,
            answered_at=now_ms(),
        )
        await self._producer.send(self._target, encode(response), key=query.query_id.encode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
