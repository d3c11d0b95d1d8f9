"""``zeta rules`` and ``zeta scores``: the table in force and why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import RenderableType
from rich.live import Live

from agents.commands.context import Context, Json, get
from agents.viewing import rules_view, scores_view
from schemas.routing_rule import RoutingRule
from schemas.window_score import WindowScore
from streams.settings import Settings
from streams.tables import read_all

Watch = Annotated[bool, typer.Option("--watch", help="Keep it up to date until Ctrl-C.")]
Task = Annotated[str | None, typer.Option(help="Only this task.")]

WATCH_S = 1.0
T = TypeVar("T")


def rules(
    context: typer.Context, task: Task = None, watch: Watch = False, json: Json = False
) -> None:
    """Print the rules in force: weights, scores, sample sizes, and the reason in words.

    Example: zeta rules --task code

    The commands below it give orders; each makes a new rule, and stands until it is taken back.
    """
    if context.invoked_subcommand is not None:
        return

    async def newest(settings: Settings) -> list[RoutingRule]:
        found = {
            rule.task: rule for _, rule in await read_all(settings.kafka, "rules", RoutingRule)
        }
        return [found[name] for name in sorted(found) if task in (None, name)]

    _show(get(context), newest, rules_view, watch=watch, json=json)


def scores(
    context: typer.Context,
    task: Task = None,
    last: Annotated[int, typer.Option(min=1, help="So many windows per task.")] = 5,
    watch: Watch = False,
    json: Json = False,
) -> None:
    """Print the newest closed windows: answers, errors, accuracy and response times per model.

    Example: zeta scores --task code --last 3
    """

    async def newest(settings: Settings) -> list[WindowScore]:
        found = [part for _, part in await read_all(settings.kafka, "scores", WindowScore)]
        return [part for part in found if part.models and task in (None, part.task)]

    _show(get(context), newest, lambda parts: scores_view(parts, last), watch=watch, json=json)


def _show(
    shared: Context,
    read: Callable[[Settings], Awaitable[list[T]]],
    view: Callable[[list[T]], RenderableType],
    *,
    watch: bool,
    json: bool,
) -> None:
    settings = shared.connected_settings()

    async def once() -> list[T]:
        return await read(settings)

    if json:
        for event in asyncio.run(once()):
            shared.json(event)
    elif not watch:
        shared.out.print(view(asyncio.run(once())))
    else:
        with Live(view(asyncio.run(once())), console=shared.out, screen=False) as live:
            while True:
                time.sleep(WATCH_S)
                live.update(view(asyncio.run(once())))
