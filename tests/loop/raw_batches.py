"""Record batches that aiokafka's own producer would not make."""

from __future__ import annotations

import struct
import time
import zlib
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c, encode_varint

_CRC_AT = 17
_AFTER_CRC = 21
_PIECE = 1024 * 1024


def _varint(number: int) -> bytes:
    written = bytearray()
    encode_varint(number, written.append)
    return bytes(written)


def renamed(batch: bytes, old: bytes, new: bytes) -> bytearray:
    """The batch with other bytes, as many, in one place; and the checksum that fits."""
    assert batch.count(old) == 1
    assert len(old) == len(new)
    changed = bytearray(batch.replace(old, new))
    changed[_CRC_AT:_AFTER_CRC] = struct.pack(">I", calc_crc32c(bytes(changed[_AFTER_CRC:])))
    return changed


def bomb(size: int, codec: int = 1) -> bytearray:
    """A batch of one record whose value is ``size`` blanks, packed with gzip.

    With another ``codec`` it only says so; its bytes are gzip's all the same.
    """
    head = bytes([0]) + _varint(0) + _varint(0) + _varint(-1) + _varint(size)
    tail = _varint(0)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(_varint(len(head) + size + len(tail)) + head)
    for start in range(0, size, _PIECE):
        packed += packer.compress(b" " * min(_PIECE, size - start))
    packed += packer.compress(tail) + packer.flush()
    now = int(time.time() * 1000)
    body = struct.pack(">hiqqqhii", codec, 0, now, now, -1, -1, -1, 1) + packed
    rest = struct.pack(">ibI", 0, 2, calc_crc32c(body)) + body
    return bytearray(struct.pack(">qi", 0, len(rest)) + rest)


async def send(producer: AIOKafkaProducer, topic: str, partition: int, made: bytearray) -> Any:
    """Writes a batch as it stands."""
    builder: Any = producer.create_batch()
    builder.append(timestamp=None, key=None, value=b"replaced", headers=[])
    builder._build = lambda: made
    return await (await producer.send_batch(builder, topic, partition=partition))


async def send_with_name(
    producer: AIOKafkaProducer, topic: str, value: bytes, name: bytes, partition: int = 0
) -> Any:
    """Writes a record with a header of this name, of any 8 bytes."""
    builder: Any = producer.create_batch()
    builder.append(timestamp=None, key=b"k", value=value, headers=[("\x01-name-\x02", b"x")])
    build = builder._build
    builder._build = lambda: renamed(bytes(build()), b"\x01-name-\x02", name)
    return await (await producer.send_batch(builder, topic, partition=partition))
