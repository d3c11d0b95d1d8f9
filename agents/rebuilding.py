"""``zeta rebuild``: the log folded again into rules, compared byte for byte with ``rules-log``.

Each task starts from nothing where all of its inputs survive. Where retention has taken some, a
rule that can't be reproduced for that reason becomes the checkpoint: it carries the policy's
whole state. Every record after it must be reproduced (``agents.retracing``).
"""

from __future__ import annotations

import msgspec

from agents.differing import Difference, DiffersError, EndedError
from agents.refolding import OnProgress
from agents.rejoining import Rejoining
from agents.retracing import Controls, Retrace, Start
from schemas.control import Control
from schemas.routing_rule import RoutingRule
from schemas.wire import WireError, decode
from streams.history import Log
from streams.replay.origin import new_records
from streams.settings import Settings

TOPICS = ("rules-log", "controls", "scores", "metrics")
"""What is read, effects before causes."""


class Report(msgspec.Struct, kw_only=True):
    """What a rebuild found. ``ok``: every record after the starts was reproduced.

    ``rules`` counts those, ``copies`` identical second ones; ``scores`` parts that equal theirs,
    ``unchecked_scores`` copies of parts too long ago to remember; ``metrics`` records folded.
    ``ended``: where the log ended before its rules did, which were left there.
    """

    ok: bool = True
    starts: list[Start] = msgspec.field(default_factory=list)
    rules: int = 0
    copies: int = 0
    scores: int = 0
    unchecked_scores: int = 0
    metrics: int = 0
    difference: Difference | None = None
    ended: str | None = None


async def rebuild(
    log: Log,
    settings: Settings,
    progress: OnProgress = lambda _: None,
    *,
    ragged: bool = False,
) -> Report:
    """Rebuilds all tasks from a log that holds ``TOPICS``; stops at the first difference.

    Args:
        log: where to read.
        settings: ``windows`` and the names of the tasks, as the aggregator had them.
        progress: told how many records of ``metrics`` were folded.
        ragged: the topics needn't end alike, as in an archive, which has each of them in time.
    """
    report = Report()

    def count(metrics: int) -> None:
        report.metrics += metrics
        progress(metrics)

    run = _Rebuild(log, settings, count, ragged=ragged)
    try:
        await run.run()
    except DiffersError as error:
        report.ok, report.difference = False, error.difference
    except EndedError as error:
        report.ended = str(error)
    report.starts = [task.start for _, task in sorted(run.tasks.items())]
    report.rules = sum(task.rules for task in run.tasks.values())
    report.copies = run.copies
    report.scores, report.unchecked_scores = run.parts.checked, run.parts.unchecked
    return report


class _Rebuild:
    def __init__(self, log: Log, settings: Settings, progress: OnProgress, *, ragged: bool) -> None:
        self.tasks: dict[str, Retrace] = {}
        self.parts = Rejoining(log, settings, progress, ragged=ragged)
        self.copies = 0
        self._log = log
        self._ragged = ragged
        self._kafka = settings.kafka
        self._controls = Controls()
        self._controls_from = log.beginning("controls", 0)
        self._scores_from = log.beginning("scores", 0)

    async def run(self) -> None:
        await self._read_controls()
        async for records in self._log.read("rules-log", 0):
            for record in new_records(self._kafka, records):
                await self._check(record.offset, record.value or b"")
        while await self.parts.read_scores():
            pass

    async def _read_controls(self) -> None:
        async for records in self._log.read("controls", 0):
            for record in new_records(self._kafka, records):
                try:
                    self._controls.add(record.offset, decode(Control, record.value))
                except WireError:
                    continue  # the tuner has put it on dead-letters

    async def _check(self, offset: int, value: bytes) -> None:
        try:
            logged = decode(RoutingRule, value)
        except WireError as error:
            problem = f"is no rule: {error}"
            difference = Difference(topic="rules-log", offset=offset, problem=problem)
            raise DiffersError(difference) from error
        fresh = Retrace(logged.task, self._controls, self.parts)
        task = self.tasks.setdefault(logged.task, fresh)
        if task.rule is not None and logged.version <= task.rule.version:
            task.repeat(offset, logged, value)
            self.copies += 1
            return
        if self._ragged:
            self._require(logged)
        await self.parts.read_scores(logged.inputs.scores)
        await self.parts.close_until(logged.window_end_at)
        if reason := self._gone(task, logged):
            task.start_at(offset, logged, value, reason)
        else:
            await task.follow(offset, logged, value)
        self.parts.forget(logged.task, logged.window_end_at)

    def _require(self, logged: RoutingRule) -> None:
        for topic, next_offset in (
            ("scores", logged.inputs.scores),
            ("controls", logged.inputs.controls),
        ):
            if next_offset > self._log.end(topic, 0):
                name = f"{logged.task} rule {logged.version}"
                raise EndedError(f"{topic} ends before offset {next_offset}, of {name}")

    def _gone(self, task: Retrace, logged: RoutingRule) -> str:
        """What retention has taken of what the rule rests on; empty: nothing."""
        if task.rule is None and logged.version > 1 and self._log.beginning("rules-log", 0):
            return "the rule before it is no longer on rules-log"
        if task.inputs.controls < self._controls_from:
            return f"controls before offset {self._controls_from} are gone"
        if task.rule and self._controls_from and task.standing.configuration is None:
            return "its configuration is no longer on controls"
        if logged.window_end_at <= task.window_end_at:
            return ""  # a control's rule
        if task.inputs.scores < self._scores_from:
            return f"scores before offset {self._scores_from} are gone"
        if (logged.window_end_at, logged.window_start_at) in self.parts.lost.get(logged.task, ()):
            return "metrics of its window are gone"
        return ""
