"""Letters' records onto the topics that they came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from schemas.dead_letter import DeadLetter
from streams.clock import NowMs
from streams.history import Log
from streams.redrive.letters import Brief, read_letters
from streams.redrive.mark import Headers, Place, marked
from streams.redrive.planning import Outcome, outcome
from streams.replay.problem import TooLargeError
from streams.replay.sending import Sender, open_batches
from streams.replay.target import Target

OnProgress = Callable[[int], None]


@dataclass(frozen=True)
class _Original:
    """A letter's record, as it is sent: see ``streams.history.LoggedRecord``."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


async def send_back(
    log: Log,
    letters: Sequence[tuple[Brief, Target]],
    now_ms: NowMs,
    progress: OnProgress = lambda _: None,
) -> list[Outcome]:
    """Sends each letter's record to its target; returns when the broker has them all.

    Key, value and headers are those of the record, byte for byte, but for the mark. At least
    once: nothing tells of two redrives of one letter that run at the same time.

    Raises:
        ReplayError: a batch was not taken. What was sent before has its mark.
        KafkaError: the broker doesn't answer.
    """
    rows = {letter.place: (letter, target) for letter, target in letters}
    outcomes: list[Outcome] = []
    async with AsyncExitStack() as stack:
        senders: dict[str, Sender] = {}
        for _, target in letters:
            if target.topic not in senders:
                senders[target.topic] = await stack.enter_async_context(open_batches(target))
        async for place, kept in read_letters(log, rows.keys()):
            row, target = rows[place]
            if kept is not None:
                outcomes.append(await _send(senders[target.topic], target, row, kept, now_ms()))
                progress(1)
        for sender in senders.values():
            await sender.flush()
    return outcomes + _vanished(rows, outcomes)


async def _send(
    sender: Sender, target: Target, row: Brief, letter: DeadLetter, now: int
) -> Outcome:
    headers = marked(row.place, letter)
    partition = target.partition_for(letter.partition, None, by_key=False)
    record = _Original(letter.offset, now, letter.key, letter.value, headers)
    try:
        await sender.add(partition, record, now, headers)
    except TooLargeError as error:
        return outcome(row, "refused", str(error))
    return outcome(row, "sent")


def _vanished(
    rows: dict[Place, tuple[Brief, Target]], outcomes: Sequence[Outcome]
) -> list[Outcome]:
    told = {one.letter for one in outcomes}
    why = "retention has taken it meanwhile"
    return [outcome(row, "refused", why) for row, _ in rows.values() if row.letter not in told]
