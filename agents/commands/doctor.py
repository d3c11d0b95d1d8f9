"""``zeta doctor``: what is wrong here, with the broker and the models, and what to do."""

from __future__ import annotations

import os
from collections.abc import Sequence

import typer

from agents.commands.context import FAILED, Context, Json, get
from agents.doctoring.examining import examine
from agents.doctoring.finding import Finding, State
from agents.printable import printable
from streams.clock import now_ms
from streams.settings import Settings, SettingsError

_STYLES: dict[State, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(context: typer.Context, json: Json = False) -> None:
    """Look at everything that the router needs, and say what to do; exit code 1 if any fails.

    Example: zeta doctor

    It looks at Python, packages, Java, the sandbox, settings, secrets, disks, ports, the broker,
    its clock, topics, consumer groups and each model's server. It writes nothing anywhere.
    """
    shared = get(context)
    found = examine(_settings(shared), str(shared.path() or "the defaults"), os.environ, now_ms)
    for finding in found:
        if json:
            shared.json(finding)
        else:
            _print(shared, finding)
    if not json:
        shared.say(_counts(found))
    if any(finding.state == "fail" for finding in found):
        raise typer.Exit(FAILED)


def _settings(shared: Context) -> Settings | SettingsError:
    try:
        return shared.settings()
    except SettingsError as error:
        return error


def _print(shared: Context, finding: Finding) -> None:
    shared.out.print(f"{finding.state:<4} ", style=_STYLES[finding.state], end="", highlight=False)
    text = f"{finding.area}: {finding.says}"
    shared.out.print(printable(text), markup=False, highlight=False, emoji=False, soft_wrap=True)
    if finding.do:
        told = printable(f"     -> {finding.do}")
        shared.out.print(told, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _counts(found: Sequence[Finding]) -> str:
    fails = sum(finding.state == "fail" for finding in found)
    warns = sum(finding.state == "warn" for finding in found)
    return f"{len(found)} checks: {fails} failed, {warns} with a warning"
