"""Records that a stage can't use, kept whole on ``dead-letters``."""

from __future__ import annotations

import logging

import msgspec

from schemas.dead_letter import DeadLetter, Header
from streams.clock import NowMs
from streams.consuming import Record
from streams.metering import Reason
from streams.producing import Outbox, RecordTooLargeError
from streams.redrive.mark import redrives
from streams.settings import Kafka

logger = logging.getLogger(__name__)

TOPIC = "dead-letters"
TELL_MS = 1000
LONGEST_ERROR = 2000


class DeadLetters:
    """Where one stage puts what it can't use."""

    def __init__(self, kafka: Kafka, outbox: Outbox, stage: str, now_ms: NowMs) -> None:
        self._prefix = kafka.prefix
        self._outbox = outbox
        self._stage = stage
        self._now_ms = now_ms
        self._told_at = 0
        self._untold = 0

    async def put(self, record: Record, error: str, reason: Reason = "undecodable") -> None:
        """Sends the record as it came (key, value, headers, source), with what was wrong.

        Args:
            record: as it was read.
            error: for a person.
            reason: what sort of error, as it is counted.

        One that is too large for that, with thousands of headers or under a raised limit, is only
        named: nothing may keep the next record waiting.
        """
        topic = record.topic.removeprefix(self._prefix)
        self._outbox.meters.dead_letters.add(topic, reason)
        self._tell(topic, reason)
        letter = DeadLetter(
            topic=topic,
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

    def _tell(self, topic: str, reason: Reason) -> None:
        """Logs one of these a second, without what the record says: anybody can send thousands."""
        self._untold += 1
        now = self._now_ms()
        if now - self._told_at >= TELL_MS:
            words = "%d records went to dead-letters, at last one of %s: %s"
            logger.warning(words, self._untold, topic, reason)
            self._told_at, self._untold = now, 0
