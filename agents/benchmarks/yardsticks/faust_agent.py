"""Faust as its documentation shows it: an agent on a topic.

``empty``: raw bytes, nothing done with them. ``tutorial``: Faust Records in and out, one
``topic.send`` an event. Prints how many events it has seen, each 100 and at the last.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import faust
from faust import StreamT

from streams.settings import load

EVERY = 100


class TutorialQuery(faust.Record):
    """What the tutorial's way decodes into."""

    query_id: str
    task: str
    prompt: str


def build(file: Path, way: str, directory: str, total: int) -> faust.App:
    """The App, which reads ``queries`` from its beginning."""
    kafka = load(file, {}).kafka
    app = faust.App(
        f"{kafka.prefix}faust-{way}",
        broker=f"kafka://{kafka.bootstrap}",
        web_enabled=False,
        store="memory://",
        datadir=directory,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=1000,
    )
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen % EVERY == 0 or seen == total:
            print(f"seen {time.monotonic():.6f} {seen}", flush=True)

    if way == "empty":
        topic = app.topic(f"{kafka.prefix}queries", value_type=bytes, value_serializer="raw")

        async def agent(events: StreamT[bytes]) -> None:
            async for _ in events:
                count()
    else:
        topic = app.topic(f"{kafka.prefix}queries", value_type=TutorialQuery)
        target = app.topic(f"{kafka.prefix}models.model-0000", value_type=TutorialQuery)

        async def agent(events: StreamT[bytes]) -> None:
            async for event in events:
                await target.send(key=event.query_id, value=event)  # type: ignore[attr-defined]
                count()

    app.agent(topic)(agent)
    return app


if __name__ == "__main__":
    app = build(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
    sys.argv[1:] = ["worker", "--loglevel", "warn", "--without-web"]
    app.main()
