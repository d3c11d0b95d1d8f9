"""The least that an aggregator can be: consume and decode. Prints how many, as it goes."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from schemas.tick import decode_metrics
from streams.collecting import collect_seldom
from streams.connecting import connection
from streams.settings import load


async def main(file: Path) -> None:
    """Reads ``metrics`` from its beginning."""
    kafka = load(file, {}).kafka
    consumer = AIOKafkaConsumer(
        kafka.prefix + "metrics",
        **connection(kafka),
        group_id=kafka.prefix + "bare-reader",
        enable_auto_commit=False,  # the least: it commits nothing
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=1024 * 1024,
    )
    await consumer.start()
    collect_seldom()  # as a role does
    seen = 0
    while True:
        fetched = await consumer.getmany(timeout_ms=200, max_records=kafka.max_batch)
        for records in fetched.values():
            for record in records:
                decode_metrics(record.value)
                seen += 1
        if fetched:
            print(f"seen {time.monotonic():.6f} {seen}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
