"""The grader's half that reads ``feedback``: to its partition, to its answer, to ``metrics``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from agents.answer_index import Joined, feedback_metric
from agents.crediting import Crediting, home_of
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.wire import WireError, decode
from streams.clock import NowMs
from streams.consuming import Batch, Record
from streams.dead_letters import DeadLetters
from streams.producing import Outbox
from streams.replay.origin import new_records
from streams.settings import Settings

HOME_HEADER = "zeta-partition"
"""On a feedback that was sent on to the partition of its query id: which, of how many."""


UNLISTED = ""
"""The pool of all sources that the settings don't list: whoever invents names shares it."""


class Opinions:
    """What people and programs say of answers."""

    def __init__(
        self,
        settings: Settings,
        outbox: Outbox,
        dead_letters: DeadLetters,
        crediting: Crediting,
        graded: Callable[[Metric], None],
        now_ms: NowMs,
    ) -> None:
        self._settings = settings.feedback
        self._kafka = settings.kafka
        self._outbox = outbox
        self._dead_letters = dead_letters
        self._crediting = crediting
        self._graded = graded
        self._now_ms = now_ms

    async def handle(self, batch: Batch) -> None:
        """Takes a batch of ``feedback``, once all answers before the commit are known."""
        if (owned := self._crediting.owned.get(batch.partition.partition)) is not None:
            await owned.feedback.enter(lambda: self._take(batch))

    async def _take(self, batch: Batch) -> None:
        owned = self._crediting.owned.get(batch.partition.partition)
        feedback, bad = _decoded(new_records(self._kafka, batch.records))
        here = [(record, row) for record, row in feedback if self._is_home(record, row)]
        if owned is None or not batch.begin():
            return
        # At once, since a revocation that has run out of patience closes the index.
        joined = owned.take(here, batch.partition.topic, batch.records[-1].offset + 1)
        with batch.handling() as handling:
            for record, problem in bad:
                handling.take(record)
                await self._dead_letters.put(record, problem)
            for record, row in feedback:
                if not self._is_home(record, row):
                    handling.take(record)
                    await self._send_home(record, row)
            told = {(row.query_id, row.source): record for record, row in here}
            for one in joined:
                handling.take(told[one.query_id, one.source])
                await self.send([one])
        owned.prune(self._now_ms())
        batch.finish()

    def _is_home(self, record: Record, feedback: Feedback) -> bool:
        here: int = record.partition
        return home_of(feedback.query_id, self._crediting.partitions) == here

    async def _send_home(self, record: Record, feedback: Feedback) -> None:
        """Sends it on to where its answer is; its time, and so its window, stays."""
        count = self._crediting.partitions
        home = home_of(feedback.query_id, count)
        mark = f"{home}/{count}".encode()
        if (HOME_HEADER, mark) in record.headers:
            problem = f"it was sent to partition {home} and came here"
            await self._dead_letters.put(record, problem, "misrouted")
            return
        kept = [(name, value or b"") for name, value in record.headers if name != HOME_HEADER]
        await self._outbox.send(
            "feedback",
            record.value or b"",
            key=feedback.query_id,
            partition=home,
            headers=[*kept, (HOME_HEADER, mark)],
            timestamp_ms=record.timestamp,
        )

    async def send(self, joined: Iterable[Joined]) -> None:
        """Sends the judgements of feedback that has found its answer."""
        for row in joined:
            trust = self._settings.sources.get(row.source, self._settings.trust)
            if trust > 0:
                pool = row.source if row.source in self._settings.sources else UNLISTED
                metric = feedback_metric(row, trust, pool)
                self._graded(metric)
                await self._outbox.send("metrics", metric, key=metric.query_id)


def _decoded(
    records: Sequence[Record],
) -> tuple[list[tuple[Record, Feedback]], list[tuple[Record, str]]]:
    """The feedback, and what can't be read with the reason."""
    found = []
    bad = []
    for record in records:
        try:
            found.append((record, decode(Feedback, record.value)))
        except WireError as error:
            bad.append((record, str(error)))
    return found, bad
