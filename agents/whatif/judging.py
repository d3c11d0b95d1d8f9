"""One target on one log: a row per task, and one over all tasks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from agents.whatif import sentences
from agents.whatif.choices import Choice, Counts
from agents.whatif.eligibility import Eligibility, Sources
from agents.whatif.estimators import Estimates, Terms, estimate, joined, terms
from agents.whatif.ratios import Estimate
from agents.whatif.support import thin, unsupported
from agents.whatif.tables import LeftOut, Target, Usables, make_table
from agents.whatif.worth import worths
from streams.settings import Settings

ALL = "(all)"


class Row(msgspec.Struct, kw_only=True):
    """What is known of the target for one task (``ALL``: over all of them).

    ``logged`` is the worth of what was done. Where the log ``answers`` not, the target's values
    are None and ``sentences`` say why. ``unsupported`` and
    ``hardly_tried``: shares of the target's probability (``agents.whatif.support``).
    """

    task: str
    answers: bool = False
    decisions: int = 0
    sessions: int = 0
    effective_sample_size: float = 0.0
    effective_sessions: float = 0.0
    max_weight: float | None = None
    mean_weight: float | None = None
    logged: Estimate | None = None
    ips: Estimate | None = None
    snips: Estimate | None = None
    dr: Estimate | None = None
    gain: Estimate | None = None
    unsupported: dict[str, float] = msgspec.field(default_factory=dict)
    hardly_tried: float = 0.0
    left_out: LeftOut = msgspec.field(default_factory=LeftOut)
    sentences: list[str] = msgspec.field(default_factory=list)


class Judgement(msgspec.Struct, kw_only=True):
    """One target's rows; what ``zeta whatif --json`` prints a line of."""

    target: str
    objective: str
    clip: float | None
    counts: Counts
    propensities_from: Sources
    tasks: list[Row]
    all: Row

    @property
    def answers(self) -> bool:
        """Whether the log could answer anything."""
        return any(row.answers for row in [*self.tasks, self.all])


@dataclass(frozen=True)
class Past:
    """All that is known of the log, for any number of targets."""

    counts: Counts
    objective: str
    usables: Usables
    sources: Mapping[str, Sources]


def make_past(
    choices: Sequence[Choice],
    counts: Counts,
    eligibility: Eligibility,
    settings: Settings,
    objective: str,
) -> Past:
    """Joins choices with what could have been chosen and what they were worth."""
    eligibility.learn(choices)
    usables = Usables()
    for choice, parts in zip(choices, worths(objective, choices, settings), strict=True):
        usables.add(choice, parts, eligibility)
    return Past(counts, objective, usables, eligibility.sources)


def judge(past: Past, target: Target, clip: float | None = None) -> Judgement:
    """The target's worth on the log.

    Args:
        past: the log.
        target: what is asked about; other tasks than its own aren't judged.
        clip: the largest weight, None: as they are.
    """
    tasks = [task for task in sorted(past.usables.rows) if task in target.tasks]
    if not tasks:
        said = sentences.other_tasks(target.tasks, sorted(past.usables.rows))
        return _judgement(past, target, clip, [], Row(task=ALL, sentences=[said]))
    numbers: dict[str, int] = {}
    rows, parts = [], []
    for task in tasks:
        row, own = _judge_task(past, task, target, clip, numbers)
        rows.append(row)
        if own is not None:
            parts.append(own)
    return _judgement(past, target, clip, rows, _judge_all(past, tasks, rows, parts))


def _judgement(
    past: Past, target: Target, clip: float | None, rows: list[Row], whole: Row
) -> Judgement:
    sources = [past.sources.get(row.task, Sources()) for row in rows]
    return Judgement(
        target=target.name,
        objective=past.objective,
        clip=clip,
        counts=past.counts,
        propensities_from=_summed(Sources, sources),
        tasks=rows,
        all=whole,
    )


def _judge_task(
    past: Past, task: str, target: Target, clip: float | None, numbers: dict[str, int]
) -> tuple[Row, Terms | None]:
    table, no_rule = make_table(task, past.usables.rows[task], target, numbers)
    left_out = msgspec.structs.replace(past.usables.left_out[task], no_rule=no_rule)
    if not len(table.chosen):
        said = [sentences.nothing_to_judge(left_out, past.sources.get(task, Sources()))]
        return Row(task=task, left_out=left_out, sentences=said), None
    own = terms(table, clip)
    row = _row(task, estimate(own), len(table.chosen), Gaps(unsupported(table), thin(table)))
    row.left_out = left_out
    notes = [sentences.grading(left_out, past.usables.graded[task])]
    row.sentences += [note for note in notes if note] + sentences.assumptions(
        past.sources.get(task, Sources())
    )
    return row, own


def _judge_all(
    past: Past, tasks: Sequence[str], rows: Sequence[Row], parts: Sequence[Terms]
) -> Row:
    left_out = _summed(LeftOut, [row.left_out for row in rows])
    if not parts:
        sources = _summed(Sources, [past.sources.get(task, Sources()) for task in tasks])
        said = [sentences.nothing_to_judge(left_out, sources)]
        return Row(task=ALL, left_out=left_out, sentences=said)
    whole = joined(parts)
    decisions = len(whole.weight)
    shares: dict[str, float] = {}
    for row in rows:
        for name, share in row.unsupported.items():
            shares[name] = shares.get(name, 0.0) + share * row.decisions / decisions
    hardly = sum(row.hardly_tried * row.decisions for row in rows) / decisions
    found = _row(ALL, estimate(whole), decisions, Gaps(shares, hardly))
    found.left_out = left_out
    return found


@dataclass(frozen=True)
class Gaps:
    """Where the log has nothing for the target: ``agents.whatif.support``."""

    unsupported: dict[str, float]
    thin: float


def _refusal(found: Estimates, decisions: int, gaps: Gaps) -> str | None:
    if sum(gaps.unsupported.values()) > sentences.MOST_UNSUPPORTED:
        return sentences.no_support(gaps.unsupported)
    if refusal := sentences.too_few(found, decisions):
        return refusal
    return sentences.hardly_tried(gaps.thin) if gaps.thin > sentences.MOST_THIN else None


def _row(task: str, found: Estimates, decisions: int, gaps: Gaps) -> Row:
    """What can be said; the target's values only where the log answers."""
    row = Row(
        task=task,
        decisions=decisions,
        sessions=found.sessions,
        effective_sample_size=found.effective_sample_size,
        effective_sessions=found.effective_sessions,
        max_weight=found.max_weight,
        mean_weight=found.mean_weight.value if found.mean_weight else None,
        logged=found.on_policy,
        unsupported=gaps.unsupported,
        hardly_tried=gaps.thin,
    )
    said = [sentences.wrong_propensities(found), sentences.clipping(found)]
    if refusal := _refusal(found, decisions, gaps):
        row.sentences = [one for one in [refusal, *said] if one]
        return row
    row.answers = True
    row.ips, row.snips, row.dr, row.gain = found.ips, found.snips, found.dr, found.gain
    if row.ips is not None and row.ips.high is not None:
        row.ips = msgspec.structs.replace(row.ips, high=row.ips.high + gaps.thin)
    notes = [sentences.no_support(gaps.unsupported), sentences.hardly_tried(gaps.thin)]
    row.sentences = [one for one in [*notes, *said] if one]
    return row


C = TypeVar("C", LeftOut, Sources)


def _summed(kind: type[C], counts: Sequence[C]) -> C:
    names = kind.__struct_fields__
    return kind(**{name: sum(getattr(one, name) for one in counts) for name in names})
