r"""Batches that aiokafka can't read, read all the same: one of them would stop a reader for ever.

Kafka takes them from any client, and aiokafka raises each time that their partition is read:

- a header's name that is no UTF-8: it is read with ``\xff`` in place of such bytes;
- a batch that unpacks to more than ``MOST_UNPACKED_BYTES`` (a megabyte of gzip can stand for a
  gigabyte, and the broker's limit is on the packed size), or one whose codec isn't installed:
  each of its records is read without key and value, and with the reason in a header, so that it
  goes the way of all that can't be used.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import MemoryRecords

MOST_UNPACKED_BYTES = 64 * 1024 * 1024
UNREAD = "zeta-unread"
"""The header that says why a record has come without its value."""

_PREFIX = struct.Struct(">qi")
"""Before each batch: its first offset, and its length after this."""
_HEAD_BYTES = 61
_GZIP = 1
_CODECS = {2: "snappy", 3: "lz4", 4: "zstd"}
_AT_ONCE = 1024 * 1024


class TolerantRecords:
    """What a broker sent of one partition; in place of aiokafka's ``MemoryRecords``."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._records: Any = MemoryRecords(data)

    def size_in_bytes(self) -> int:
        """As aiokafka's."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """As aiokafka's."""
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        """The next batch, or None."""
        batch = self._records.next_batch()
        # Formats before Kafka 0.11 have no headers; no broker that we run on writes them.
        return batch if batch is None or batch.magic < 2 else _Batch(batch, self._data)


class _Batch:
    """A batch of aiokafka's, and its records."""

    def __init__(self, batch: Any, data: bytes) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        batch = self._batch
        if batch.compression_type and (problem := self._problem()) is not None:
            return self._unread(problem)
        try:
            return iter(list(batch))  # a generator around it costs 0.1 us a record
        except UnicodeDecodeError:
            return _leniently(self._bytes())

    def _unread(self, problem: str) -> Iterator[Any]:
        batch, headers = self._batch, [(UNREAD, problem.encode())]
        for offset in range(batch.base_offset, batch.next_offset):
            kind = batch.timestamp_type
            yield _DefaultRecordPy(offset, batch.max_timestamp, kind, None, None, headers)

    def _bytes(self) -> bytes:
        """The batch as it was sent."""
        position = 0
        while True:
            first, length = _PREFIX.unpack_from(self._data, position)
            end = position + _PREFIX.size + length
            if first == self._batch.base_offset:
                return self._data[position:end]
            position = end

    def _problem(self) -> str | None:
        """Why this packed batch can't be read; None: it can."""
        kind = self._batch.compression_type
        if kind == _GZIP:
            return _too_large(self._bytes()[_HEAD_BYTES:])
        name = _CODECS.get(kind, str(kind))
        has_codec = getattr(codec, f"has_{name}", lambda: False)
        return None if has_codec() else f"packed with {name}, for which no library is installed"


def _too_large(packed: bytes) -> str | None:
    """Whether it unpacks to too much; never holds more than a piece of it."""
    unpacker = zlib.decompressobj(wbits=31)
    size = 0
    while packed and not unpacker.eof:
        try:
            size += len(unpacker.decompress(packed, _AT_ONCE))
        except zlib.error as error:
            return f"packed with gzip, and can't be unpacked: {error}"
        if size > MOST_UNPACKED_BYTES:
            return f"unpacks to more than {MOST_UNPACKED_BYTES} bytes"
        packed = unpacker.unconsumed_tail
    return None


def _leniently(batch_bytes: bytes) -> Iterator[Any]:
    """The records of a batch, slowly."""
    batch = _DefaultRecordBatchPy(batch_bytes)
    batch._maybe_uncompress()
    batch._buffer = _Bytes(batch._buffer)
    return iter(batch)


class _Bytes(bytearray):
    """Bytes whose slices never fail to be a text."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Bytes(found) if isinstance(key, slice) else found

    def decode(self, encoding: str = "utf-8", _: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace")


def install() -> None:
    """From now on every consumer of this process reads so; may be repeated."""
    fetcher.MemoryRecords = TolerantRecords
