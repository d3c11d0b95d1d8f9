"""A role without a broker: what it sends is checked as the broker and its readers would."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Coroutine, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from prometheus_client import CollectorRegistry

from schemas.wire import Event, WireError, decode, encode
from streams.batch import Batch
from streams.consuming import Record
from streams.producing import Headers, Outbox
from streams.progress import Progress
from streams.settings import Settings, load
from streams.topics import event_types
from streams.tracing import Tracing
from tests.fuzz.shaping import partition

TEXT = """
[kafka]
max_record_bytes = 20000
[models.only]
endpoint = "http://only:80"
protocol = "tgi"
serves = ["chat"]
[models.code-7b]
endpoint = "http://code:80"
protocol = "openai"
serves = ["chat", "embedding"]
vector_space = "b"
[models.embed-4b]
endpoint = "http://embed:80"
protocol = "tei"
serves = ["embedding"]
vector_space = "a"
[tasks.code]
[tasks.reasoning]
[tasks.embedding]
needs = "embedding"
[routing]
default_task = "code"
"""


@functools.cache
def folder() -> Path:
    """A directory of this process."""
    return Path(mkdtemp(prefix="zeta-fuzz-"))


@functools.cache
def settings() -> Settings:
    """A small system's."""
    path = folder() / "zeta.toml"
    path.write_text(TEXT)
    return load(path, {})


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def finish(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine to its end."""
    return _loop().run_until_complete(work)


class KeepingOutbox(Outbox):
    """Refuses what the real one refuses, and keeps the rest, once a reader could read it."""

    def __init__(self) -> None:
        super().__init__(settings().kafka, client_id="fuzz")
        self.sent: list[tuple[str, Event | bytes, str | bytes | None]] = []

    async def send(
        self,
        topic: str,
        event: Event | bytes,
        *,
        key: str | bytes | None,
        partition: int | None = None,  # noqa: ARG002
        headers: Headers = (),
        timestamp_ms: int | None = None,  # noqa: ARG002
        anywhere: bool = False,  # noqa: ARG002
    ) -> None:
        value = event if isinstance(event, bytes) else encode(event)
        raw_key = key.encode() if isinstance(key, str) else key
        self._check_size(topic, value, raw_key, headers)
        if isinstance(event, Event) and topic in CHECKED:
            _check_readable(topic, value)
        self.sent.append((topic, event, key))

    async def flush(self) -> None:
        return


# A response or a metric of a hostile record may be refused by the next stage; these may not.
CHECKED = ("dead-letters", "rules", "rules-log", "scores", "reroutes", "controls")


def _check_readable(topic: str, value: bytes) -> None:
    problems = []
    for kind in event_types(topic) or ():
        try:
            event = decode(kind, value)
        except WireError as error:
            problems.append(str(error))
            continue
        assert encode(event) == value, f"{topic}: {value!r} isn't stable"
        return
    raise AssertionError(f"{topic}: nobody can read {value[:500]!r}: {problems}")


class FakeApp:
    """What a role needs of its App."""

    def __init__(self) -> None:
        self.outbox = KeepingOutbox()
        self.registry = CollectorRegistry()
        self.tracing = Tracing()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def batch(topic: str, records: Sequence[Record]) -> Batch:
    """Some records, not yet begun."""
    progress = Progress()
    progress.hand_out(record.offset for record in records)
    return Batch(partition(topic), records, progress, asyncio.Event())
