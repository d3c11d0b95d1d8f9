"""A Kafka client of the router: produces queries, and reads their answers as they come.

Answers are read from ``responses`` without a group, from its end at the time of ``start``, so a
client needs no state of its own and several can run side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer

from schemas.query import Query
from schemas.response import Response
from schemas.wire import WireError, decode, encode
from streams.connecting import connection
from streams.producing import Outbox, record_bytes
from streams.settings import Kafka, Settings
from streams.tables import partitions_of
from streams.tracing import Asking, Tracing

PIECE_BYTES = 1024 * 1024


class Client:
    """One connection for asking; use as ``async with Client(settings) as client``.

    With ``tracing`` that records spans, each query begins a trace.
    """

    def __init__(self, settings: Settings, tracing: Tracing | None = None) -> None:
        self._tracing = tracing or Tracing()
        self._kafka: Kafka = settings.kafka
        self._outbox = Outbox(settings.kafka, client_id=f"{settings.kafka.prefix}client")
        self._answers: AIOKafkaConsumer

    async def __aenter__(self) -> Client:
        partitions = await partitions_of(self._kafka, f"{self._kafka.prefix}responses")
        self._answers = AIOKafkaConsumer(**connection(self._kafka), enable_auto_commit=False)
        await self._answers.start()
        try:
            self._answers.assign(partitions)
            await self._answers.seek_to_end(*partitions)
            for partition in partitions:
                await self._answers.position(partition)  # the end as it is now, not at first poll
            await self._outbox.start()
        except BaseException:
            await self._answers.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._outbox.stop()
        await self._answers.stop()
        await asyncio.to_thread(self._tracing.stop)

    async def send(self, query: Query) -> None:
        """Buffers a query for ``queries``."""
        with Asking(self._tracing, "ask", query.query_id):
            await self._outbox.send("queries", query, key=_key(query))

    async def flush(self) -> None:
        """Waits until every query sent is acknowledged."""
        await self._outbox.flush()

    async def answers(self, wanted: Collection[str], timeout_s: float) -> AsyncIterator[Response]:
        """The first answer to each wanted query id, as they come; ends early at the time-out."""
        open_ids = set(wanted)
        deadline = asyncio.get_running_loop().time() + timeout_s
        while open_ids and (left := deadline - asyncio.get_running_loop().time()) > 0:
            fetched = await self._answers.getmany(timeout_ms=min(500, round(left * 1000)))
            for records in fetched.values():
                for record in records:
                    response = _decoded(record.value)
                    if response is not None and response.query_id in open_ids:
                        open_ids.remove(response.query_id)
                        yield response


def _key(query: Query) -> str:
    return query.session or query.query_id


def _decoded(value: bytes | None) -> Response | None:
    try:
        return decode(Response, value)
    except WireError:
        return None  # somebody else's record: this reader is not the one to judge it


class QueryFileError(ValueError):
    """A file of queries can't be used; the message names file and line."""


def read_queries(
    path: Path,
    new_id: Iterable[str],
    longest_bytes: int | None = None,
    refuse: Callable[[str], None] | None = None,
) -> list[Query]:
    """The queries of a JSON Lines file, all checked before any is sent.

    Args:
        path: one JSON object per line; blank lines are skipped.
        new_id: ids for queries that have none.
        longest_bytes: what a record may have; a longer line is left out, without being held.
        refuse: told of each line that is left out: file, line, and why.

    Raises:
        QueryFileError: names file, line and field.
    """
    ids = iter(new_id)
    queries: list[Query] = []
    seen: set[str] = set()
    for number, line, line_bytes in _lines(path, longest_bytes):
        where, size = f"{path}:{number}", line_bytes
        query = None if line is None else _query(where, line, ids)
        if query is not None and longest_bytes is not None and 2 * size > longest_bytes:
            size = max(size, record_bytes(encode(query), _key(query).encode()))
        if query is None or (longest_bytes is not None and size > longest_bytes):
            if refuse is not None:
                limit = f"exceeds kafka.max_record_bytes ({longest_bytes})"
                refuse(f"{where}: a query of {size} bytes {limit}; it isn't sent, the others are")
            continue
        if query.query_id in seen:
            raise QueryFileError(f"{where}: query_id {query.query_id!r} comes twice")
        seen.add(query.query_id)
        queries.append(query)
    return queries


def _query(where: str, line: bytes, ids: Iterator[str]) -> Query:
    try:
        query = decode(Query, line)
    except WireError as error:
        raise QueryFileError(f"{where}: {error}") from error
    return query if query.query_id else msgspec.structs.replace(query, query_id=next(ids))


def _lines(path: Path, longest: int | None) -> Iterator[tuple[int, bytes | None, int]]:
    """Each line that isn't blank: its number, its bytes (None: too many), and how many."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(-1 if longest is None else longest + 1):
                number += 1
                size = len(line)
                if longest is None or size <= longest:
                    if line.strip():
                        yield number, line, size
                    continue
                while not line.endswith(b"\n") and (line := file.readline(PIECE_BYTES)):
                    size += len(line)
                yield number, None, size
    except OSError as error:
        raise QueryFileError(f"{path}: can't be read: {error.strerror}") from error
