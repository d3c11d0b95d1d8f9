"""A role as small as can be, run as a process of its own so that tests can kill it.

``python -m tests.streams.consuming_program OPTIONS`` (JSON) copies topic ``in`` to ``out``. What
happens to a record is written in the record; what the process does is told on standard output.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from schemas.wire import Event, decode
from streams import membership
from streams.app import RoleApp, build_app, run_app
from streams.consuming import Batch, Intake, Record, attach
from streams.producing import Outbox
from streams.settings import Kafka, Settings

GROUP = "copier"
POLL_S = 0.01


class Item(Event, frozen=True, kw_only=True):
    """One record of ``in``: its number, and what to do with it.

    ``gate``: wait for this file; ``fail_until``: raise while this file is missing;
    ``sleep_s``: take so long.
    """

    n: int
    sleep_s: float = 0.0
    gate: str = ""
    fail_until: str = ""
    padding: str = ""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a test sets."""

    kafka: Kafka
    handler: str = "concurrent"
    replica: str = ""
    patience_s: float = 30.0
    max_in_flight: int | None = None
    rewind: int | None = None
    poll_interval_s: float = 300.0


def tell(event: str, **facts: Any) -> None:
    """One line of JSON for the test."""
    sys.stdout.buffer.write(msgspec.json.encode({"event": event, **facts}) + b"\n")
    sys.stdout.buffer.flush()


def exists(path: str) -> bool:
    """Whether the test has made this file."""
    return Path(path).exists()


async def opened(gate: str) -> None:
    """Waits for the test, which is another process, to make this file."""
    while not exists(gate):  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


class Copier:
    """The handlers, by name: ``serial``, ``concurrent``, ``anchoring``."""

    def __init__(self, app: RoleApp, options: Options) -> None:
        self.app = app
        self.options = options
        impatient = partial(
            AIOKafkaConsumer, max_poll_interval_ms=int(options.poll_interval_s * 1000)
        )
        vars(membership)["AIOKafkaConsumer"] = impatient
        self.intake = Intake(
            app,
            options.kafka,
            app.outbox,
            group=GROUP,
            topics=["in"],
            replica=options.replica,
            max_in_flight=options.max_in_flight,
            seek=self.seek if options.rewind is not None else None,
            on_revoked=lambda partitions: tell("revoked", count=len(partitions)),
        )

    async def copy(self, record: Record) -> None:
        item = decode(Item, record.value)
        tell("begun", n=item.n, partition=record.partition)
        if item.fail_until and not exists(item.fail_until):
            raise RuntimeError(f"told to fail at {item.n}")
        if item.gate:
            await opened(item.gate)
        if item.sleep_s:
            await asyncio.sleep(item.sleep_s)
        await self.app.outbox.send("out", record.value or b"", key=record.key)

    async def serial(self, batch: Batch) -> None:
        for record in batch.records:
            if not batch.begin(1):
                tell("left", n=decode(Item, record.value).n)
                continue
            await self.copy(record)
            batch.finish(record)

    async def concurrent(self, batch: Batch) -> None:
        for record in batch.records:
            self.intake.add_future(self.one(batch, record))

    async def one(self, batch: Batch, record: Record) -> None:
        if batch.begin(1):
            await self.copy(record)
            batch.finish(record)

    async def anchoring(self, batch: Batch) -> None:
        """Keeps the last ten's first offset as its restart position."""
        if not batch.begin():
            return
        for record in batch.records:
            await self.copy(record)
        batch.finish()
        first = batch.records[-1].offset // 10 * 10
        batch.anchor(first, f"window {first // 10}")

    async def seek(
        self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """``rewind`` records before the commit; a rewind of -1 raises."""
        back = self.options.rewind or 0
        if back < 0:
            raise RuntimeError("seek was told to fail")
        committed = {tp: await consumer.committed(tp) or 0 for tp in assigned}
        return {tp: max(0, offset - back) for tp, offset in committed.items()}


async def run(options: Options) -> int:
    app = build_app(Settings(kafka=options.kafka), GROUP)
    app.outbox = Outbox(options.kafka, client_id=GROUP, patience_s=options.patience_s)
    copier = Copier(app, options)
    handle: Callable[[Batch], Awaitable[None]] = getattr(copier, options.handler)
    attach(app, copier.intake, handle)
    app.before_agents = (app.outbox,)
    app.after_agents = (copier.intake,)
    tell("starting")
    return await run_app(app)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    sys.exit(asyncio.run(run(msgspec.json.decode(sys.argv[1], type=Options))))
