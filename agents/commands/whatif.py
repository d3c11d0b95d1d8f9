"""``zeta whatif``: what other rules would have been worth on the logged decisions."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agents.commands.context import FAILED, USAGE, Context, Json, get
from agents.commands.names import objective_name, policy_names
from agents.commands.past import metrics_bar, opened_log
from agents.whatif.judging import Past, judge
from agents.whatif.reading import TOPICS, Question, read_past
from agents.whatif.report import last_line, view
from agents.whatif.rules_file import FixedRules, RulesFileError, read_rules
from agents.whatif.tables import Target
from streams.archive.store import ArchiveError
from streams.settings import Settings


def _time(given: str | None) -> str | None:
    if given is not None:
        try:
            datetime.fromisoformat(given)
        except ValueError as error:
            raise typer.BadParameter(
                f"{given!r} is no time; write 2026-11-23 or 2026-11-23T15:00:00+00:00"
            ) from error
    return given


def _unix_ms(given: str | None) -> int | None:
    if given is None:
        return None
    moment = datetime.fromisoformat(given)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def whatif(
    context: typer.Context,
    archive: Annotated[
        str | None, typer.Option(help="Directory or URL of an archive; default: the broker.")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(callback=policy_names, help="Several: give it again, or with commas between."),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help='As `zeta rules --json`, or {"task": {"model": weight}}.'),
    ] = None,
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from", callback=_time, help="Only decisions from then on; UTC if not said."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(callback=_time, help="Only decisions before then.")
    ] = None,
    objective: Annotated[
        str, typer.Option(callback=objective_name, help="accuracy, balanced or inverse-latency.")
    ] = "accuracy",
    clip: Annotated[
        float | None, typer.Option(min=1, help="Largest weight; narrower intervals, but biased.")
    ] = None,
    json: Json = False,
) -> None:
    """Estimate what a policy, or a file of rules, would have been worth on the logged decisions.

    Example: zeta whatif --policy ucb,greedy --objective accuracy

    Example: zeta whatif --archive /var/zeta/archive --rules rules.jsonl --task code --json

    Prints, per task and over all, what the logged decisions were worth and the estimates by IPS,
    SNIPS and doubly robust, with 95 % intervals clustered by session; where the log can't answer,
    a sentence says why. docs/whatif.md has what is assumed. Exit code 1: there was no answer.
    """
    shared = get(context)
    if not policy and rules is None:
        shared.fail("whatif needs --policy or --rules: what is asked about", USAGE)
    question = Question(
        objective=objective,
        policies=policy or (),
        rules=_rules(shared, rules),
        task=task,
        from_at=_unix_ms(since),
        until_at=_unix_ms(until),
    )
    settings = shared.settings() if archive else shared.connected_settings()
    began_s = time.monotonic()
    try:
        past, targets = asyncio.run(_read(shared, settings, archive, question))
    except ArchiveError as error:
        shared.fail(str(error))
    _show(shared, past, targets, clip, json=json, elapsed_s=time.monotonic() - began_s)


def _rules(shared: Context, path: Path | None) -> FixedRules | None:
    try:
        return read_rules(path) if path is not None else None
    except RulesFileError as error:
        shared.fail(str(error), USAGE)


async def _read(
    shared: Context, settings: Settings, archive: str | None, question: Question
) -> tuple[Past, list[Target]]:
    async with opened_log(settings.kafka, archive, TOPICS, ["metrics"]) as log:
        with metrics_bar(shared, log) as progress:
            return await read_past(log, settings, question, progress)


def _show(
    shared: Context,
    past: Past,
    targets: list[Target],
    clip: float | None,
    *,
    json: bool,
    elapsed_s: float,
) -> None:
    found = [judge(past, target, clip) for target in targets]
    for one in found:
        if json:
            shared.json(one)
        else:
            shared.out.print(view(one))
    if not json:
        shared.say(f"[{last_line(found[0])}; {elapsed_s:.1f} s]")
    if not all(one.answers for one in found):
        raise typer.Exit(FAILED)
