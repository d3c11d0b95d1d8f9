"""The way in: one consumer service under every role (docs/delivery.md).

Batches of one partition go through a Faust channel to the role's agent, which says what is done;
offsets are committed contiguously, and only after all that the agent sent is acknowledged. At
least once, whatever dies when:

- killed before a send or before the commit: the records are read again;
- a send fails, or the agent raises: the process ends without a commit;
- revoked or stopped: work in flight gets ``drain_s`` to finish and is committed; work not yet
  begun is dropped and read again by the next owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import ConsumerStoppedError
from aiokafka.structs import TopicPartition
from mode import Service

from streams.accounts import Accounts
from streams.app import RoleApp
from streams.batch import Batch, Record, attach
from streams.ends import Ends
from streams.membership import PUT_OUT, Membership
from streams.producing import Outbox
from streams.progress import Progress
from streams.settings import Kafka

__all__ = ["Batch", "Intake", "Record", "Seek", "attach"]

Seek: TypeAlias = Callable[[AIOKafkaConsumer, set[TopicPartition]], Awaitable[Mapping[Any, int]]]

POLL_MS = 200
# While a partition is full, so that it goes on soon after its work is done.
FULL_POLL_MS = 20
# Asked for nothing, aiokafka would give everything.
NOWHERE = TopicPartition("", 0)
STOP_S = 5.0


class Intake(Service, ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads topics as one member of a consumer group and commits what is done.

    Memory is bounded: a partition with ``max_in_flight`` records not done is left alone, and so is
    any that has some while all together hold ``kafka.max_in_flight_bytes``, so that backpressure
    shows as consumer lag. The poll loop never waits for work, so a slow model call can't look like
    a dead consumer.

    Args:
        group: consumer group, without the prefix.
        topics: topic names, without the prefix.
        outbox: flushed before each commit.
        replica: a stable name of this process within the role, for static membership (a restart
            gets its partitions back at once); empty for dynamic membership.
        max_in_flight: records per partition, default ``kafka.max_in_flight``.
        seek: called on each assignment; says where to read from, instead of the commit.
        commits_seek: where ``seek`` says is committed, too: what is before it is done, though its
            commit was lost with whoever did it.
        settle: called with partitions that are leaving, at a rebalance or at the end, when the
            work in flight is done: a role that gathers gives up what it holds, and may anchor
            before the last commit. It has ``drain_s``, together with that work.
        on_revoked: called after a revoked partition is drained and committed.
    """

    def __init__(
        self,
        app: RoleApp,
        kafka: Kafka,
        outbox: Outbox,
        *,
        group: str,
        topics: Sequence[str],
        replica: str = "",
        max_in_flight: int | None = None,
        seek: Seek | None = None,
        commits_seek: bool = False,
        settle: Callable[[set[TopicPartition]], Awaitable[None]] | None = None,
        on_revoked: Callable[[set[TopicPartition]], None] | None = None,
    ) -> None:
        super().__init__()
        self.channel = app.channel(maxsize=0)
        self._kafka = kafka
        self._outbox = outbox
        self._group = kafka.prefix + group
        self._topics = [kafka.prefix + topic for topic in topics]
        self._membership = Membership(kafka, self._group, replica)
        self._max_in_flight = max_in_flight or kafka.max_in_flight
        self._seek = seek
        self._commits_seek = commits_seek
        self._settle = settle
        self._on_revoked = on_revoked
        self._tracing = app.tracing
        self._meters = app.meters
        self._joined = asyncio.Event()
        self._ends = Ends(kafka.session_timeout_s, lambda: self._consumer, self._topics)
        self._progress = Accounts(kafka.prefix)
        self._meters.lag.read = lambda: self._progress.lag(self._ends.known, self._ends.positions)
        self._meters.in_flight.read = self._progress.in_flight
        self._changed = asyncio.Event()
        self._commit_lock = asyncio.Lock()
        self._consumer: AIOKafkaConsumer

    async def on_start(self) -> None:
        self._consumer = self._membership.consumer()
        self._consumer.subscribe(self._topics, listener=self)
        self.async_exit_stack.push_async_callback(self._membership.leave, self._consumer)
        await self._consumer.start()
        # It tells of its assignment before the listener has said where to read.
        await self.wait(self._joined.wait())
        await self.add_runtime_dependency(self._ends)

    def unready(self) -> str | None:
        """Why no records come in; None while they do, or would if there were any."""
        if not self._joined.is_set():
            return "the consumer group has not been joined"
        return self._ends.unready()

    async def on_stop(self) -> None:
        """Lets work in flight finish and commits it; what fails here is a crash too."""
        if self.crashed:
            return
        try:
            await self._drain(set(self._progress))
        except Exception as error:
            await self.crash(error)  # mode only logs what a child raises while it stops
            raise

    @Service.task
    async def _read(self) -> None:
        while not self.should_stop:
            room = self._room()
            full = len(room) < len(self._progress)
            try:  # no pause(): it would throw away what was fetched ahead
                fetched = await self._consumer.getmany(
                    *(room or [NOWHERE] if full else room),
                    timeout_ms=FULL_POLL_MS if full else POLL_MS,
                    max_records=self._kafka.max_batch,
                )
            except ConsumerStoppedError:
                return
            for partition, records in fetched.items():
                await self._hand_out(partition, records)

    def _room(self) -> list[TopicPartition]:
        """The partitions that may be read; one that holds nothing always may, so none starves."""
        crowded = self._progress.bytes >= self._kafka.max_in_flight_bytes
        return self._progress.with_less_than(1 if crowded else self._max_in_flight)

    async def _hand_out(self, partition: TopicPartition, records: list[Record]) -> None:
        progress = self._progress.get(partition)
        if progress is None or progress.closed:
            return  # fetched before a revocation; its next owner reads it again
        if self.channel.subscriber_count != 1:
            raise RuntimeError("an Intake needs exactly one agent: see attach")
        size = sum(len(record.value or b"") for record in records)
        progress.hand_out((record.offset for record in records), size)
        self._meters.consumed.add(self._progress.plain(partition.topic), by=len(records))
        batch = Batch(partition, records, progress, self._changed, self._group, self._tracing)
        await self.channel.put(batch)  # type: ignore[arg-type]

    @Service.task
    async def _commit(self) -> None:
        while not self.should_stop:
            await self.wait(self._changed.wait())
            await self.sleep(self._kafka.commit_interval_s)
            if not self.should_stop:
                self._changed.clear()
                await self._commit_done(self._progress)

    async def _commit_done(self, partitions: Mapping[TopicPartition, Progress]) -> None:
        """Flushes, then commits what was done before."""
        async with self._commit_lock:
            moved = {tp: now for tp, own in partitions.items() if (now := own.moved())}
            if not moved:
                return
            accounts = {tp: partitions[tp] for tp in moved}
            await self._outbox.flush()
            try:
                await self._consumer.commit(moved)
            except PUT_OUT as error:  # the partitions' next owner reads these records again
                self.log.warning("commit refused, records will be read again: %r", error)
                self._meters.commits.add("refused")
                return
            self._meters.commits.add("ok")
            for tp, now in moved.items():
                accounts[tp].committed(*now)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Starts a fresh account for each partition, from its commit or where ``seek`` says."""
        self._membership.joined = True
        self._meters.assignments.add()
        if self._seek is None:
            # No await before this: a record fetched meanwhile must find its account.
            self._progress.update({partition: Progress() for partition in assigned})
            self._joined.set()
            return
        try:
            positions = await self._seek(self._consumer, assigned)
            for partition in assigned:
                self._consumer.seek(partition, positions[partition])
                self._progress[partition] = progress = Progress()
                if self._commits_seek and positions[partition]:
                    progress.anchor(positions[partition], "")
                    self._changed.set()
            self._joined.set()
        except Exception as error:
            await self.crash(error)  # aiokafka only logs what a listener raises
            raise

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Lets work in flight finish, commits it, and forgets the partitions."""
        self._joined.clear()
        try:
            await self._membership.check()
            await self._drain(revoked)
            for partition in revoked:
                self._progress.pop(partition, None)
            if self._on_revoked is not None:
                self._on_revoked(revoked)
        except Exception as error:
            await self.crash(error)
            raise

    async def _drain(self, partitions: set[TopicPartition]) -> None:
        leaving = {tp: self._progress[tp] for tp in partitions if tp in self._progress}
        for progress in leaving.values():
            progress.closed = True
        try:
            async with asyncio.timeout(self._kafka.drain_s):
                await self._finish_begun(leaving.values())
                if self._settle is not None and not self.crashed:
                    await self._settle(partitions)
        except TimeoutError:
            self.log.warning("drain_s passed with work in flight; it will be done again")
        try:
            async with asyncio.timeout(STOP_S):
                await self._commit_done(leaving)
        except TimeoutError:
            self.log.warning("the broker didn't take the last commit; records are read again")
        self._changed.set()  # cleared here, perhaps while the commit task was busy

    async def _finish_begun(self, leaving: Iterable[Progress]) -> None:
        while any(progress.begun for progress in leaving) and not self.crashed:
            self._changed.clear()
            with suppress(TimeoutError):  # a crash doesn't set the event
                await asyncio.wait_for(self._changed.wait(), POLL_MS / 1000)
