"""Records that a stage can't use, kept whole on ``dead-letters``."""

from __future__ import annotations

import msgspec

from schemas.dead_letter import DeadLetter, Header
from streams.clock import NowMs
from streams.consuming import Record
from streams.producing import Outbox, RecordTooLargeError
from streams.redrive.mark import redrives
from streams.settings import Kafka

TOPIC = "dead-letters"
LONGEST_ERROR = 2000


class DeadLetters:
    """Where one stage puts what it can't use."""

    def __init__(self, kafka: Kafka, outbox: Outbox, stage: str, now_ms: NowMs) -> None:
        self._prefix = kafka.prefix
        self._outbox = outbox
        self._stage = stage
        self._now_ms = now_ms

    async def put(self, record: Record, error: str) -> None:
        """Sends the record as it came (key, value, headers, source), with what was wrong.

        One that is too large for that, with thousands of headers or under a raised limit, is only
        named: nothing may keep the next record waiting.
        """
        letter = DeadLetter(
            topic=record.topic.removeprefix(self._prefix),
            partition=record.partition,
            offset=record.offset,
            timestamp_at=record.timestamp,
            key=record.key,
            value=record.value,
            headers=[Header(name=name, value=value) for name, value in record.headers],
            stage=self._stage,
            error=error[:LONGEST_ERROR],
            failed_at=self._now_ms(),
            redrives=redrives(record.headers),
        )
        try:
            await self._outbox.send(TOPIC, letter, key=record.key)
        except RecordTooLargeError:
            named = msgspec.structs.replace(letter, key=None, value=None, headers=[], cut=True)
            await self._outbox.send(TOPIC, named, key=None)
