"""One process's seat in a consumer group, which a second process must not share unseen.

aiokafka 0.14 sends its instance id only when it joins. Two processes with one instance id
would therefore take the partitions from each other for ever, each heartbeat a take-over. So each
process puts a token of its own into what it tells the group, and looks for it when it is put out.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocol, ConsumerProtocolMemberMetadata
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
)

from streams.connecting import connection
from streams.settings import Kafka

logger = logging.getLogger(__name__)

UUID_CHARS = 36
LEAVE_S = 5.0
PUT_OUT = (CommitFailedError, RebalanceInProgressError, IllegalStateError)
"""How a commit is refused when another member owns the partitions now, or soon will."""


class ReplicaTakenError(RuntimeError):
    """Another process has taken this one's place in the consumer group."""


class Membership:
    """A static member of ``group``, or a dynamic one where ``replica`` is empty."""

    def __init__(self, kafka: Kafka, group: str, replica: str) -> None:
        self._kafka = kafka
        self._group = group
        self._replica = replica
        self._token = uuid.uuid4().bytes
        self.joined = False

    @property
    def instance_id(self) -> str | None:
        """The name that a restart of this process has in common with it."""
        return f"{self._group}-{self._replica}" if self._replica else None

    def consumer(self) -> AIOKafkaConsumer:
        """A consumer with this seat, not yet started."""
        return AIOKafkaConsumer(
            **connection(self._kafka),
            client_id=self._group,
            group_id=self._group,
            group_instance_id=self.instance_id,
            partition_assignment_strategy=(self.assignor(),),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(self._kafka.session_timeout_s * 1000),
            heartbeat_interval_ms=int(self._kafka.session_timeout_s * 1000 / 4),
            rebalance_timeout_ms=int((self._kafka.drain_s + 20) * 1000),
            max_partition_fetch_bytes=1024 * 1024,
        )

    @staticmethod
    async def leave(consumer: AIOKafkaConsumer) -> None:
        """Stops the consumer, whether or not the broker takes notice."""
        try:
            async with asyncio.timeout(LEAVE_S):
                await consumer.stop()
        except TimeoutError:
            logger.warning("left the group without the broker's answer")

    def assignor(self) -> type[RangePartitionAssignor]:
        """The range assignor, with this process's token in what it tells the group.

        By range, so that a role which reads several topics owns the same partitions of each.
        """
        token = self._token

        class TokenAssignor(RangePartitionAssignor):  # type: ignore[misc]
            @classmethod
            def metadata(cls, topics: Iterable[str]) -> Any:
                return ConsumerProtocolMemberMetadata(cls.version, list(topics), token)

        return TokenAssignor

    async def check(self) -> None:
        """Looks, after a revocation, whether the seat has gone to another live process.

        Raises:
            ReplicaTakenError: it has; this process must end, or it would take the seat back.
        """
        if not self._replica or not self.joined:
            return
        holder = await self._holder()
        if holder is not None and holder != self._token:
            raise ReplicaTakenError(
                f"another process runs as replica {self._replica!r} of {self._group} and has "
                "taken over (FencedInstanceId); give each process a replica name of its own"
            )

    async def _holder(self) -> bytes | None:
        """The token in our seat; None when it is empty or, in mid-rebalance, not shown."""
        admin = AIOKafkaAdminClient(**connection(self._kafka))
        try:
            await admin.start()
            responses = await admin.describe_consumer_groups([self._group])
        except KafkaError:
            return None  # no coordinator to ask; whoever joins last will hold the seat
        finally:
            await admin.close()
        members = [member for reply in responses for group in reply.groups for member in group[5]]
        for member in members:
            member_id, metadata = member[0], member[-2]
            # The broker names a static member <instance id>-<uuid>.
            if metadata and member_id[: -UUID_CHARS - 1] == self.instance_id:
                token: bytes = ConsumerProtocol.METADATA.decode(metadata).user_data
                return token
        return None
