"""Counting from the topics themselves: what was asked, answered, measured, and thrown out.

Each class folds the records of some topics; none of them looks at what the product says of
itself. They hold identities, not records.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from schemas.assignment import Assignment
from schemas.dead_letter import DeadLetter
from schemas.metric import Metric
from schemas.response import Response
from schemas.tick import Tick, decode_metrics
from schemas.window_score import WindowScore
from schemas.wire import WireError, decode
from tests.chaos.asking import FEEDBACK_SOURCE
from tests.chaos.load import Asked, Place
from tests.chaos.reading import Record

Attempt = tuple[str, int, str]
Identity = tuple[str, int, str, str, str]
Cell = tuple[str, str, str]
"""Task, model, and kind of metric."""


@dataclass
class Answers:
    """``responses`` and ``reroutes``: who was answered how, and what was attempted."""

    count: Counter[str] = field(default_factory=Counter)
    errors: dict[str, str] = field(default_factory=dict)
    attempts: set[Attempt] = field(default_factory=set)
    served: set[str] = field(default_factory=set)
    reroutes: int = 0

    def take_response(self, record: Record) -> None:
        """Notes an answer."""
        try:
            response = decode(Response, record.value)
        except WireError:
            return
        self.count[response.query_id] += 1
        if response.error is not None:
            self.errors.setdefault(response.query_id, response.error.kind)
        if response.decision is not None:
            self.served.add(response.query_id)
            self.attempts.add((response.query_id, response.attempt, response.decision.model))

    def take_reroute(self, record: Record) -> None:
        """Notes the attempt that has failed."""
        try:
            row = decode(Assignment, record.value)
        except WireError:
            return
        self.reroutes += 1
        if row.failures and row.failures[-1].kind != "breaker_open":  # then it wasn't asked
            self.attempts.add((row.query.query_id, row.attempt - 1, row.failures[-1].model))

    def unanswered(self, asked: Asked) -> list[str]:
        """The ids that were asked and have no answer."""
        return sorted(name for name in asked.ids if name not in self.count)

    def unasked(self, asked: Asked) -> list[str]:
        """The ids that have an answer and were never asked."""
        return sorted(self.count.keys() - asked.ids.keys() - asked.unsure)

    @property
    def duplicates(self) -> int:
        """Answers beyond each query's first."""
        return sum(self.count.values()) - len(self.count)

    def error_kinds(self) -> dict[str, int]:
        """Queries whose answer is an error, by its kind."""
        return dict(sorted(Counter(self.errors.values()).items()))


@dataclass
class Measures:
    """``metrics`` against ``scores``: each metric is in exactly one closed window.

    Args:
        skew_ms: what is further ahead of the broker's clock is refused.
    """

    skew_ms: int
    identities: set[Identity] = field(default_factory=set)
    metrics: Counter[Cell] = field(default_factory=Counter)
    repeated: int = 0
    refused: set[Place] = field(default_factory=set)
    last: dict[int, int] = field(default_factory=dict)
    parts: dict[tuple[str, int, int, int], bytes] = field(default_factory=dict)
    folded: Counter[Cell] = field(default_factory=Counter)
    copies: int = 0
    differing: int = 0
    closed: dict[int, int] = field(default_factory=dict)
    closed_at: dict[int, int] = field(default_factory=dict)
    windows: set[tuple[str, int]] = field(default_factory=set)

    def take_metric(self, record: Record) -> None:
        """Notes a metric by its identity, wherever it is."""
        try:
            event = decode_metrics(record.value)
        except WireError:
            self.refused.add(("metrics", record.partition, record.offset))
            return
        at = event.ticked_at if isinstance(event, Tick) else event.observed_at
        if at > record.timestamp + self.skew_ms:
            self.refused.add(("metrics", record.partition, record.offset))
        elif isinstance(event, Metric):
            self.last[record.partition] = record.offset
            if event.identity in self.identities:
                self.repeated += 1
                return
            self.identities.add(event.identity)
            self.metrics[event.task, event.model, event.kind] += 1

    def take_score(self, record: Record) -> None:
        """Adds up a window's part, of several equal copies one."""
        try:
            part = decode(WindowScore, record.value)
        except WireError:
            return
        key = (part.task, part.partition, part.window_start_at, part.window_end_at)
        if key in self.parts:
            self.copies += 1
            self.differing += self.parts[key] != record.value
            return
        self.parts[key] = record.value or b""
        number = part.partition
        self.closed[number] = max(self.closed.get(number, 0), part.next_offset)
        self.closed_at[number] = max(self.closed_at.get(number, 0), part.window_end_at)
        for model, summary in part.models.items():
            self.windows.add((part.task, part.window_end_at))
            self.folded[part.task, model, "outcome"] += summary.outcomes
            self.folded[part.task, model, "judgement"] += summary.judgements

    def all_closed(self) -> bool:
        """Whether the last metric of every partition is in a closed window."""
        return all(self.closed.get(number, 0) > offset for number, offset in self.last.items())

    def missing(self) -> int:
        """Metrics that are in no window."""
        return sum((self.metrics - self.folded).values())

    def folded_twice(self) -> int:
        """Metrics that are in more than one."""
        return sum((self.folded - self.metrics).values())

    def without_outcome(self, attempts: set[Attempt]) -> list[Attempt]:
        """The attempts that no metric tells of."""
        return sorted(row for row in attempts if (*row, "outcome", "") not in self.identities)

    def without_judgement(self, rated: set[str]) -> list[str]:
        """The queries whose feedback has led to no judgement."""
        grader = f"feedback:{FEEDBACK_SOURCE}"
        found = {row[0] for row in self.identities if row[4] == grader}
        return sorted(rated - found)

    def whole_windows(self) -> set[tuple[str, int]]:
        """Task and end of each window with data that every partition has closed."""
        if not self.closed_at or set(self.last) - set(self.closed_at):
            return set()
        whole_until = min(self.closed_at.values())
        return {row for row in self.windows if row[1] <= whole_until}


@dataclass
class DeadLettersCount:
    """``dead-letters``: which records are there, and whether with the bytes that were sent."""

    values: dict[Place, bytes] = field(default_factory=dict)
    count: int = 0
    stages: Counter[str] = field(default_factory=Counter)

    def take(self, record: Record) -> None:
        """Notes one; a second copy changes nothing."""
        letter = decode(DeadLetter, record.value)
        self.count += 1
        place = (letter.topic, letter.partition, letter.offset)
        if place not in self.values:
            self.stages[letter.stage] += 1
        self.values[place] = letter.value or b""

    def lost(self, poison: dict[Place, bytes]) -> list[Place]:
        """Bad records that are not here, byte for byte."""
        return sorted(place for place, value in poison.items() if self.values.get(place) != value)

    def surplus(self, poison: dict[Place, bytes], refused: set[Place]) -> list[Place]:
        """Records that are here and were good."""
        return sorted(self.values.keys() - poison.keys() - refused)
