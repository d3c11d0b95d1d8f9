"""``zeta dead-letters``: what no stage could use, and how it is sent back."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Annotated, Any, TypeAlias

import msgspec
import typer
from rich.progress import Progress

from agents.commands.context import USAGE, Context, Json, get
from agents.letters_view import letter_lines, list_table, outcome_table
from schemas.dead_letter import DeadLetter
from streams.clock import now_ms
from streams.dead_letters import TOPIC
from streams.history import open_history
from streams.redrive.finding import find_letter, find_letters
from streams.redrive.letters import Selection
from streams.redrive.mark import Place, parse_place
from streams.redrive.planning import Outcome, Plan, outcome, plan
from streams.redrive.sending import send_back
from streams.replay.bounds import Ago, AtInstant, parse_bound
from streams.replay.problem import ReplayError, ReplayUsageError
from streams.settings import Kafka

dead_letters = typer.Typer(
    no_args_is_help=True, help="Records that no stage could use: list, show, send back."
)

Topic: TypeAlias = Annotated[
    str | None, typer.Option(help="Whose record is from this topic, e.g. queries.")
]
Stage: TypeAlias = Annotated[
    str | None, typer.Option(help="Which failed here, e.g. router or worker-code-7b.")
]
Since: TypeAlias = Annotated[
    str | None, typer.Option(help="Which failed at 2026-11-01T10:00Z, Unix ms, -2h; or later.")
]
Until: TypeAlias = Annotated[str | None, typer.Option(help="As --since; before that.")]
ErrorPart: TypeAlias = Annotated[
    str | None, typer.Option("--error", help="Whose error has this in it, in whatever case.")
]
Limit: TypeAlias = Annotated[int | None, typer.Option(min=1, help="The newest so many.")]


@dead_letters.command("list")
def list_(
    context: typer.Context,
    topic: Topic = None,
    stage: Stage = None,
    since: Since = None,
    until: Until = None,
    error: ErrorPart = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """List letters, oldest first: where each is, what it was, and what was wrong.

    Example: zeta dead-letters list --stage router --since -2h
    """
    shared = get(context)
    selection = _selection(shared, (topic, stage, error), (since, until), limit)
    kafka = shared.connected_settings().kafka
    found, unreadable = asyncio.run(find_letters(kafka, selection))
    if json:
        for one in found:
            shared.json(one)
    else:
        shared.out.print(list_table(found))
    if unreadable:
        shared.say(f"[{unreadable} records on {TOPIC} are no letters: zeta tail {TOPIC}]")


@dead_letters.command()
def show(
    context: typer.Context,
    letter: Annotated[str, typer.Argument(help="As list names it: <partition>@<offset>.")],
    raw: Annotated[bool, typer.Option("--raw", help="Only the value's bytes.")] = False,
    json: Json = False,
) -> None:
    """Show all of one letter; a value that is no text in hexadecimal digits.

    Example: zeta dead-letters show 0@17 --raw > record.json
    """
    shared = get(context)
    place = _place(shared, letter)
    found = asyncio.run(find_letter(shared.connected_settings().kafka, place))
    if found is None:
        shared.fail(f"{letter}: no such letter; `zeta dead-letters list` has those that there are")
    if raw:
        if found.value is None:
            shared.fail(f"{letter}: its record has no value")
        sys.stdout.buffer.write(found.value)
        sys.stdout.buffer.flush()
    elif json:
        shared.json(_whole(place, found))
    else:
        for line in letter_lines(place, found):
            shared.out.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


@dead_letters.command()
def redrive(
    context: typer.Context,
    letters: Annotated[
        list[str] | None, typer.Argument(help="As list names them: <partition>@<offset>.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that the filters leave.")] = False,
    topic: Topic = None,
    stage: Stage = None,
    since: Since = None,
    until: Until = None,
    error: ErrorPart = None,
    limit: Limit = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also letters that were sent back before.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    json: Json = False,
) -> None:
    """Send letters' records back to where they came from: key, value and headers as they were.

    Example: zeta dead-letters redrive --all --error "unknown task" --dry-run

    They are new work: time limits count from now, answers are graded and teach. A record that
    fails again comes back as another letter, with one redrive more. A letter that was sent back
    is left alone; after an interruption, the same command sends the rest.
    """
    shared = get(context)
    if bool(letters) == all_:
        shared.fail("name letters, or write --all (with filters, if you like)", USAGE)
    selection = _selection(shared, (topic, stage, error), (since, until), limit)
    places = None if all_ else {_place(shared, text) for text in letters or ()}
    if places is not None and selection != Selection():
        shared.fail("filters go with --all", USAGE)
    kafka = shared.connected_settings().kafka
    try:
        outcomes = _redrive(
            shared, kafka, (selection, places), again=again, dry_run=dry_run, yes=yes
        )
    except ReplayError as problem:
        shared.fail(f"{problem}; the same command sends what is missing")
    _report(shared, outcomes, json=json)


def _redrive(
    shared: Context,
    kafka: Kafka,
    wanted: tuple[Selection, set[Place] | None],
    *,
    again: bool,
    dry_run: bool,
    yes: bool,
) -> list[Outcome]:
    selection, places = wanted
    found, _ = asyncio.run(find_letters(kafka, selection, places))
    made = asyncio.run(plan(kafka, found, again=again))
    there = {one.place for one in found}
    missing = [_missing(place) for place in sorted((places or set()) - there)]
    settled = [*missing, *made.settled]
    if dry_run:
        return [*settled, *(outcome(one, "to send") for one, _ in made.send)]
    if made.send and not yes and is_terminal():
        typer.confirm(f"Send {len(made.send)} records back?", abort=True, err=True)
    return [*settled, *asyncio.run(_send(shared, kafka, made))]


async def _send(shared: Context, kafka: Kafka, made: Plan) -> list[Outcome]:
    if not made.send:
        return []
    with Progress(console=shared.err, transient=True) as progress:
        bar = progress.add_task("redrive", total=len(made.send))
        async with open_history(kafka, [TOPIC]) as log:
            return await send_back(log, made.send, now_ms, lambda n: progress.advance(bar, n))


def is_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def _report(shared: Context, outcomes: list[Outcome], *, json: bool) -> None:
    if json:
        for one in outcomes:
            shared.json(one)
    elif others := [one for one in outcomes if one.status != "sent"]:
        shared.out.print(outcome_table(others))
    counts = Counter(one.status for one in outcomes)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    shared.say(f"[{told or 'no letters'}]")
    if counts["refused"] or counts["in doubt"]:
        raise typer.Exit(1)


def _missing(place: Place) -> Outcome:
    why = "no such letter; `zeta dead-letters list` has those that there are"
    return Outcome(letter=str(place), topic="", partition=0, status="refused", why=why)


def _whole(place: Place, letter: DeadLetter) -> dict[str, Any]:
    """All of a letter, bytes in base64; ``text`` is the value where it is UTF-8."""
    try:
        text = None if letter.value is None else letter.value.decode()
    except UnicodeDecodeError:
        text = None
    return {"letter": str(place), **msgspec.to_builtins(letter), "text": text}


def _place(shared: Context, text: str) -> Place:
    place = parse_place(text)
    if place is None:
        shared.fail(f"{text!r}: write a letter as <partition>@<offset>, e.g. 0@17", USAGE)
    return place


def _selection(
    shared: Context,
    words: tuple[str | None, str | None, str | None],
    bounds: tuple[str | None, str | None],
    limit: int | None,
) -> Selection:
    topic, stage, error = words
    try:
        since_at, until_at = (
            None if text is None else _instant(argument, text)
            for argument, text in zip(("--since", "--until"), bounds, strict=True)
        )
    except ReplayUsageError as problem:
        shared.fail(str(problem), USAGE)
    return Selection(topic, stage, since_at, until_at, error, limit)


def _instant(argument: str, text: str) -> int:
    bound = parse_bound(argument, text)
    if isinstance(bound, AtInstant):
        return bound.at
    if isinstance(bound, Ago):
        return now_ms() - bound.before_ms
    raise ReplayUsageError(f"{argument} {text!r}: write a time, since each partition has offsets")
