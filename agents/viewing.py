"""Rules and scores as tables for a person."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from agents.printable import printable
from agents.summarising import seconds
from schemas.routing_rule import RoutingRule
from schemas.window_score import ModelSummary, WindowScore
from schemas.wire import MILLION
from streams import latency
from streams.summaries import accuracy, merge

NOTHING = "-"


def percent(micro: int | None) -> str:
    """Millionths as per cent."""
    return NOTHING if micro is None else f"{micro / MILLION:.1%}"


def rule_table(rule: RoutingRule) -> Table:
    """One rule: each model's share and what it rests on."""
    table = Table(
        "model",
        "share",
        "score",
        "accuracy",
        "mean s",
        "errors",
        "graded",
        title=_plain(f"{rule.task}: rule {rule.version}, policy {rule.policy}{_orders(rule)}"),
        caption=_plain(rule.reason),
        title_justify="left",
        caption_justify="left",
    )
    for name in sorted({*rule.weights, *rule.scores}, key=lambda n: (-rule.weights.get(n, 0), n)):
        known = rule.scores.get(name)
        time_us = known.response_time_us if known else None
        score = known.score_micro if known else None
        table.add_row(
            _marked(rule, name),
            percent(rule.weights.get(name, 0)),
            NOTHING if score is None else f"{score / MILLION:.3f}",
            percent(known.accuracy_micro if known else None),
            seconds(None if time_us is None else time_us / MILLION),
            percent(known.error_micro if known else None),
            f"{known.samples:.0f}" if known else NOTHING,
        )
    return table


def _orders(rule: RoutingRule) -> str:
    pinned = f", pinned to {rule.pinned}" if rule.pinned else ""
    return pinned + (", frozen" if rule.frozen else "")


def _marked(rule: RoutingRule, model: str) -> Text:
    """The model with what people have said about it."""
    pinned = " (pinned)" if model == rule.pinned else ""
    return _plain(model + pinned + (" (excluded)" if model in rule.excluded else ""))


def _plain(text: str) -> Text:
    """Text of strangers: neither markup, nor for the terminal to obey."""
    return Text(printable(text))


def rules_view(rules: Sequence[RoutingRule]) -> RenderableType:
    """All rules, or how to get some."""
    if not rules:
        return Text("no rules yet: the tuner publishes the first ones when it starts")
    return Group(*(rule_table(rule) for rule in rules))


def scores_view(parts: Sequence[WindowScore], last: int) -> RenderableType:
    """The ``last`` windows of each task, merged over partitions, newest at the bottom."""
    windows: dict[str, dict[int, list[WindowScore]]] = {}
    for part in parts:
        windows.setdefault(part.task, {}).setdefault(part.window_end_at, []).append(part)
    if not windows:
        return Text("no scores yet: the first window has not closed")
    return Group(
        *(
            _task_table(task, dict(sorted(windows[task].items())[-last:]))
            for task in sorted(windows)
        )
    )


def _task_table(task: str, windows: dict[int, list[WindowScore]]) -> Table:
    table = Table(
        "window end (UTC)",
        "model",
        "outcomes",
        "errors",
        "graded",
        "accuracy",
        "p50 s",
        "p95 s",
        title=_plain(task),
        title_justify="left",
    )
    for end_at, parts in windows.items():
        unique = {part.partition: part for part in parts}
        for model in sorted({name for part in unique.values() for name in part.models}):
            summary = merge(part.models[model] for part in unique.values() if model in part.models)
            table.add_row(clock_time(end_at), _plain(model), *_cells(summary))
    return table


def _cells(summary: ModelSummary) -> list[str]:
    grade = accuracy(summary)
    return [
        str(summary.outcomes),
        str(summary.errors),
        str(summary.judgements),
        NOTHING if grade is None else f"{grade:.1%}",
        seconds(latency.quantile(summary.latency, 0.5)),
        seconds(latency.quantile(summary.latency, 0.95)),
    ]


def clock_time(at_ms: int) -> str:
    """Hours, minutes and seconds of an instant, UTC."""
    whole_s, ms = divmod(at_ms, 1000)
    minutes, second = divmod(whole_s % 86_400, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}" + (f".{ms:03}" if ms else "")
