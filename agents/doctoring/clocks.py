"""Our clock against the broker's, by which windows and time limits go."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer

from agents.doctoring.broker_clock import quorum_now_ms
from agents.doctoring.finding import Finding, fail, ok, warn
from streams.clock import NowMs
from streams.connecting import connection
from streams.settings import Settings
from streams.tables import TopicMissingError, partitions_of

CLOSE_MS = 1_000
POLL_MS = 1_000


async def clock(settings: Settings, now_ms: NowMs) -> list[Finding]:
    """How far apart they are. Nothing is written.

    Where the broker doesn't tell its time, the newest record of ``metrics``, which it has stamped
    itself, tells at least that this clock isn't behind.

    Raises:
        KafkaError: the broker can't be asked.
    """
    before = now_ms()
    theirs = await quorum_now_ms(settings.kafka)
    if theirs is not None:
        return [judged((before + now_ms()) // 2 - theirs, settings)]
    stamped = await _newest_ms(settings)
    if stamped is not None and stamped - now_ms() > CLOSE_MS:
        return [judged(now_ms() - stamped, settings)]
    said = "the broker doesn't tell its time, so the clocks can't be compared"
    return [warn("clock", said, "keep both on NTP")]


def judged(ahead_ms: int, settings: Settings) -> Finding:
    """What is to be said of a clock that is so far ahead of the broker's (behind: negative)."""
    apart = abs(ahead_ms)
    way = "ahead of" if ahead_ms > 0 else "behind"
    said = f"this clock is {apart / 1000:.1f} s {way} the broker's"
    if apart > settings.windows.skew_s * 1000:
        do = f"set it by NTP: metrics that are more than {settings.windows.skew_s:g} s ahead "
        return fail("clock", said, f"{do}(windows.skew_s) become dead letters")
    if apart > CLOSE_MS:
        return warn("clock", said, "set it by NTP: what is late or early enters another window")
    return ok("clock", "this clock and the broker's agree to within a second")


async def _newest_ms(settings: Settings) -> int | None:
    """The append time of the newest record of ``metrics``; None: there is none."""
    try:
        partitions = await partitions_of(settings.kafka, settings.kafka.prefix + "metrics")
    except TopicMissingError:
        return None
    consumer = AIOKafkaConsumer(**connection(settings.kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        starts = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        filled = [each for each in partitions if ends[each] > starts[each]]
        consumer.assign(filled)
        times = []
        for partition in filled:
            consumer.seek(partition, ends[partition] - 1)
        while filled:
            fetched = await consumer.getmany(timeout_ms=POLL_MS)
            times += [record.timestamp for records in fetched.values() for record in records]
            if not fetched or len(times) >= len(filled):
                break
    finally:
        await consumer.stop()
    return max(times, default=None)
