"""What the demo prints: plain lines as things happen, tables at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from agents.summarising import Summary, summary_table
from agents.viewing import percent, rule_table, scores_view
from schemas.metric import Metric
from schemas.query import Query
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.window_score import ModelSummary, WindowScore
from schemas.wire import MILLION
from streams.settings import Settings
from streams.summaries import accuracy, merge

LEAVES_BELOW = MILLION // 2
WINDOWS_TO_LEAVE = 3
BAD_ACCURACY = 0.5
FEWEST_GRADES = 5
LONGEST_TEXT = 60


class DemoView:
    """Prints to ``out``; keeps what the last table needs.

    Args:
        out: where it prints.
        settings: tasks and models.
        queries: what is asked.
        answers: whether each answer gets a line; otherwise each rule does.
    """

    def __init__(
        self, out: Console, settings: Settings, queries: Sequence[Query], *, answers: bool
    ) -> None:
        self._out = out
        self._settings = settings
        self._asked = {query.query_id: query for query in queries}
        self._answers = answers
        self._waiting: dict[str, Response] = {}
        self._grades: dict[str, float] = {}
        self._first: dict[str, RoutingRule] = {}
        self._newest: dict[str, RoutingRule] = {}
        self._asking = False
        self._summary = Summary(asked=len(queries))
        self._parts: Sequence[WindowScore] = ()
        self.versions: Mapping[str, Sequence[RoutingRule]] = {}

    def rule(self, rule: RoutingRule) -> None:
        """A new rule has come out."""
        self._newest[rule.task] = rule
        if self._asking and not self._answers:
            shares = ", ".join(
                f"{name} {percent(weight)}" for name, weight in sorted(rule.weights.items())
            )
            self._line(f"{rule.task:10} rule {rule.version:3}: {shares} ({rule.reason})")

    def before(self) -> None:
        """Everything runs: the rules as they are before the first query."""
        self._first = dict(self._newest)
        self._asking = True
        self._line(f"asking {len(self._asked)} queries")

    def answer(self, response: Response) -> None:
        """An answer has come."""
        self._summary.add(response)
        if not self._answers:
            return
        self._waiting[response.query_id] = response
        if response.error is not None or response.query_id in self._grades:
            self._show(response.query_id)

    def grade(self, metric: Metric) -> None:
        """A grade has come, before or after its answer was read here."""
        if metric.query_id in self._asked and metric.accuracy is not None:
            self._grades[metric.query_id] = metric.accuracy
            if metric.query_id in self._waiting:
                self._show(metric.query_id)

    def _show(self, query_id: str) -> None:
        response = self._waiting.pop(query_id)
        number = self._summary.answered + self._summary.failed
        grade = self._grades.get(query_id)
        mark = "  -  " if grade is None else f"{grade:5.0%}"
        said = response.error.message if response.error else said_by(response)
        asked = _short(self._asked[query_id].text)
        self._line(
            f"{number:3}/{len(self._asked)} {response.task or '-':10} {response.model or '-':13} "
            f"{mark} {response.timings.total_s:6.2f} s  {asked} -> {_short(said)}"
        )

    def after(
        self, versions: Mapping[str, Sequence[RoutingRule]], parts: Sequence[WindowScore]
    ) -> None:
        """All is answered: scores, and each task's rule before and after."""
        self.versions = versions
        self._parts = parts
        self._out.print()
        self._out.print(scores_view([part for part in parts if part.models], last=4))
        for task in sorted(versions):
            self._out.print(change_table(self._first.get(task), versions[task][-1]))
            self._out.print(rule_table(versions[task][-1]))
        self._out.print(summary_table(self._summary))

    def ended(self, answered: int, *, simulated: bool) -> bool:
        """The last lines; whether the demo showed what it is to show."""
        ok = answered == len(self._asked)
        self._line(f"{answered} of {len(self._asked)} queries answered")
        for task in self._settings.tasks:
            count = len(self.versions.get(task, ()))
            self._line(f"{task}: {count} rule versions")
            ok = ok and count >= 2
        if simulated:
            ok = self._say_who_left() and ok
        return ok

    def _say_who_left(self) -> bool:
        bad_at = went_bad_at(self._parts, "code", "chat-7b-code")
        left = windows_to_leave(self.versions.get("code", ()), "chat-7b-code", bad_at)
        if left is None:
            self._line("chat-7b-code went bad, and the traffic of code did not leave it")
            return False
        self._line(
            "chat-7b-code went bad: the traffic of code left it "
            f"{left} window{'s' * (left > 1)} after the first one in which it was mostly wrong"
        )
        return left <= WINDOWS_TO_LEAVE

    def _line(self, text: str) -> None:
        self._out.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 3] + "..."


def said_by(response: Response) -> str:
    """The answer in words."""
    if response.embeddings is not None:
        return f"{len(response.embeddings)} vectors of {response.dimension}"
    return response.text or ""


def change_table(before: RoutingRule | None, after: RoutingRule) -> Table:
    """Shares before and after."""
    table = Table(
        "model", "share before", "share after", title=f"{after.task}: rule before and after"
    )
    for name in sorted(after.weights):
        first = percent(before.weights.get(name, 0)) if before else "-"
        table.add_row(name, first, percent(after.weights[name]))
    return table


def went_bad_at(parts: Sequence[WindowScore], task: str, model: str) -> int | None:
    """The end of the first window in which the model was mostly wrong; None if it never was."""
    windows: dict[int, list[ModelSummary]] = {}
    for part in parts:
        if part.task == task and model in part.models:
            windows.setdefault(part.window_end_at, []).append(part.models[model])
    for end_at in sorted(windows):
        summary = merge(windows[end_at])
        grade = accuracy(summary)
        if summary.judgements >= FEWEST_GRADES and grade is not None and grade < BAD_ACCURACY:
            return end_at
    return None


def windows_to_leave(versions: Sequence[RoutingRule], model: str, bad_at: int | None) -> int | None:
    """Windows from the first bad one, which counts, until most traffic has left the model.

    None if it never was bad, or the traffic never left.
    """
    if bad_at is None:
        return None
    since = [rule for rule in versions if rule.window_end_at >= bad_at]
    for count, rule in enumerate(since, start=1):
        if rule.weights.get(model, 0) < LEAVES_BELOW:
            return count
    return None
