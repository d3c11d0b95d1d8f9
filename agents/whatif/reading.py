"""From a log to what is known of it, and to the targets asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.whatif.choices import ChoiceFold, OnProgress, read_choices
from agents.whatif.eligibility import read_eligibility
from agents.whatif.judging import Past, make_past
from agents.whatif.policy_rules import fold_policies
from agents.whatif.rules_file import FixedRules
from agents.whatif.tables import Target
from schemas.metric import Metric
from streams.history import Log
from streams.settings import Settings

TOPICS = ("metrics", "rules-log", "scores", "controls", "responses", "reroutes")
"""What is read, effects before causes. An archive needs only the first of them."""


@dataclass(frozen=True)
class Question:
    """What is asked: targets, and which decisions count (times in Unix ms, ``until`` excluded)."""

    objective: str
    policies: Sequence[str] = ()
    rules: FixedRules | None = None
    task: str | None = None
    from_at: int | None = None
    until_at: int | None = None

    def wants(self, metric: Metric) -> bool:
        """Whether the decision that a metric speaks of counts."""
        return (
            self.task in (None, metric.task)
            and (self.from_at is None or metric.decided_at >= self.from_at)
            and (self.until_at is None or metric.decided_at < self.until_at)
        )


async def read_past(
    log: Log, settings: Settings, question: Question, progress: OnProgress = lambda _: None
) -> tuple[Past, list[Target]]:
    """Reads all that is needed; the targets in the order that they were asked for.

    Args:
        log: ``TOPICS``, as many of them as it has.
        settings: for the objective ``balanced``.
        question: what is asked.
        progress: told how many records of ``metrics`` were read.
    """
    fold = ChoiceFold(question.wants)
    await read_choices(log, settings.kafka, fold, progress)
    eligibility = await read_eligibility(log)
    targets: list[Target] = []
    if question.rules is not None:
        targets.append(question.rules)
    if question.policies:
        targets += await fold_policies(log, question.policies, eligibility)
    choices = fold.choices()
    return make_past(choices, fold.counts, eligibility, settings, question.objective), targets
