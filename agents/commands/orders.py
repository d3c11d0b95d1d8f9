"""``zeta rules pin, freeze, exclude`` and their opposites: orders at run time."""

from __future__ import annotations

import asyncio
import getpass
from typing import Annotated, Literal, TypeAlias

import typer

from agents.commands import completing, views
from agents.commands.context import USAGE, Context, Json, get
from agents.ordering import OrderError, check, holds
from agents.viewing import rules_view
from schemas.control import Control
from schemas.routing_rule import RoutingRule
from streams.clock import now_ms
from streams.producing import Outbox
from streams.settings import Kafka
from streams.tables import TableReader

Action: TypeAlias = Literal["pin", "unpin", "freeze", "unfreeze", "exclude", "include"]

Task = Annotated[
    str, typer.Argument(help="A task's name, e.g. code.", autocompletion=completing.tasks)
]
Model = Annotated[
    str, typer.Argument(help="One of the task's candidates.", autocompletion=completing.models)
]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the order.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the rule.")]

rules = typer.Typer(callback=views.rules, invoke_without_command=True)


@rules.command()
def pin(
    context: typer.Context,
    task: Task,
    model: Model,
    reason: Reason = "",
    timeout: Timeout = 10.0,
    json: Json = False,
) -> None:
    """Send all of a task's traffic to one model, until it is unpinned.

    Example: zeta rules pin code code-7b --reason "the 14B is being replaced"
    """
    _order(get(context), _control("pin", task, model, reason), timeout, json=json)


@rules.command()
def unpin(
    context: typer.Context,
    task: Task,
    reason: Reason = "",
    timeout: Timeout = 10.0,
    json: Json = False,
) -> None:
    """Let a pinned task follow its policy again.

    Example: zeta rules unpin code
    """
    _order(get(context), _control("unpin", task, None, reason), timeout, json=json)


@rules.command()
def freeze(
    context: typer.Context,
    task: Task,
    reason: Reason = "",
    timeout: Timeout = 10.0,
    json: Json = False,
) -> None:
    """Keep a task's weights as they are; scores are still collected.

    Example: zeta rules freeze code --reason "release week"
    """
    _order(get(context), _control("freeze", task, None, reason), timeout, json=json)


@rules.command()
def unfreeze(
    context: typer.Context,
    task: Task,
    reason: Reason = "",
    timeout: Timeout = 10.0,
    json: Json = False,
) -> None:
    """Let a frozen task's weights change again.

    Example: zeta rules unfreeze code
    """
    _order(get(context), _control("unfreeze", task, None, reason), timeout, json=json)


@rules.command()
def exclude(
    context: typer.Context,
    task: Task,
    model: Model,
    reason: Reason = "",
    timeout: Timeout = 10.0,
    json: Json = False,
) -> None:
    """Take a model out of a task's candidates, until it is included again.

    Example: zeta rules exclude code general-4b --reason "leaks its prompt"
    """
    _order(get(context), _control("exclude", task, model, reason), timeout, json=json)


@rules.command()
def include(
    context: typer.Context,
    task: Task,
    model: Model,
    reason: Reason = "",
    timeout: Timeout = 10.0,
    json: Json = False,
) -> None:
    """Take an excluded model back.

    Example: zeta rules include code general-4b
    """
    _order(get(context), _control("include", task, model, reason), timeout, json=json)


def _control(action: Action, task: str, model: str | None, reason: str) -> Control:
    return Control(
        task=task,
        action=action,
        model=model,
        source=f"cli:{_user()}",
        reason=reason,
        issued_at=now_ms(),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def _order(shared: Context, control: Control, timeout_s: float, *, json: bool) -> None:
    settings = shared.connected_settings()
    newest = Newest(settings.kafka, control)

    async def give() -> RoutingRule | None:
        async with newest.reader:
            check(settings, control, newest.rule)
            return await _give(settings.kafka, control, newest, timeout_s)

    try:
        rule = asyncio.run(give())
    except OrderError as error:
        shared.fail(str(error), USAGE)
    if rule is None:
        shared.fail(
            f"no rule followed within {timeout_s:g} s: is the tuner running? "
            "The order is kept: it takes effect when the tuner reads it"
        )
    if json:
        shared.json(rule)
    else:
        shared.out.print(rules_view([rule]))


async def _give(
    kafka: Kafka, control: Control, newest: Newest, timeout_s: float
) -> RoutingRule | None:
    """Sends the order; the first rule that has its effect, None if there is none in time."""
    outbox = Outbox(kafka, client_id=f"{kafka.prefix}orders")
    async with outbox:
        await outbox.send("controls", control, key=control.task)
        await outbox.flush()
    try:
        async with asyncio.timeout(timeout_s):
            await newest.effective.wait()
    except TimeoutError:
        return None
    return newest.rule


class Newest:
    """The task's rule in force, as it is read; ``effective`` once it has the order's effect."""

    def __init__(self, kafka: Kafka, control: Control) -> None:
        self.rule: RoutingRule | None = None
        self.effective = asyncio.Event()
        self.reader = TableReader(kafka, "rules", RoutingRule, lambda rule, _: self._put(rule))
        self._control = control

    def _put(self, rule: RoutingRule) -> None:
        if rule.task != self._control.task:
            return
        self.rule = rule
        if holds(self._control, rule):
            self.effective.set()
        else:
            self.effective.clear()
