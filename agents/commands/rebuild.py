"""``zeta rebuild``: whether the rules are what the log leads to."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import msgspec
import typer

from agents.commands.context import FAILED, Context, Json, get
from agents.commands.past import metrics_bar, opened_log
from agents.differing import Difference
from agents.rebuilding import TOPICS, Report
from agents.rebuilding import rebuild as rebuild_log
from agents.retracing import Start
from streams.archive.store import ArchiveError
from streams.settings import Settings


def rebuild(
    context: typer.Context,
    archive: Annotated[
        str | None, typer.Option(help="Directory or URL of an archive; default: the broker.")
    ] = None,
    json: Json = False,
) -> None:
    """Fold metrics and controls into rules again, and compare them byte for byte with rules-log.

    Example: zeta rebuild --json

    Example: zeta rebuild --archive /var/zeta/archive

    Needs the settings that the aggregator ran with (windows and tasks). Starts at the beginning;
    where retention has taken inputs, at the earliest rule after which all survive. Exit code 1
    names the first difference. It may run beside the live system.
    """
    shared = get(context)
    began_s = time.monotonic()
    settings = shared.settings() if archive else shared.connected_settings()
    try:
        report = asyncio.run(_rebuild(shared, settings, archive))
    except ArchiveError as error:
        shared.fail(str(error))
    elapsed_s = time.monotonic() - began_s
    if json:
        shared.json({**msgspec.structs.asdict(report), "elapsed_s": round(elapsed_s, 3)})
    else:
        for line in lines(report):
            shared.out.print(line, markup=False, highlight=False, soft_wrap=True)
        shared.say(f"[{report.metrics} metrics in {elapsed_s:.1f} s]")
    if not report.ok:
        raise typer.Exit(FAILED)


async def _rebuild(shared: Context, settings: Settings, archive: str | None) -> Report:
    async with opened_log(settings.kafka, archive, TOPICS, TOPICS) as log:
        with metrics_bar(shared, log) as progress:
            return await rebuild_log(log, settings, progress, ragged=archive is not None)


def lines(report: Report) -> list[str]:
    """The report for a person."""
    found = [_start_line(start) for start in report.starts]
    if not report.starts:
        found.append("no rules on rules-log yet: nothing to compare")
    found.append(
        f"{report.rules} rules reproduced byte for byte, and {report.copies} copies; "
        f"{report.scores} parts of windows on scores are what metrics lead to"
    )
    if report.unchecked_scores:
        found.append(f"{report.unchecked_scores} late copies on scores were not compared")
    if report.ended is not None:
        found.append(f"later rules were not compared: {report.ended}")
    if report.difference is not None:
        found += _difference_lines(report.difference)
    return found


def _start_line(start: Start) -> str:
    if start.kind == "beginning":
        return f"{start.task}: from the beginning"
    return (
        f"{start.task}: from the checkpoint in rule {start.version} "
        f"(rules-log offset {start.offset}): {start.reason}"
    )


def _difference_lines(difference: Difference) -> list[str]:
    where = difference.topic
    if difference.offset is not None:
        where += f" offset {difference.offset}"
    if difference.task is not None:
        where += f", {difference.task}"
    if difference.version is not None:
        where += f" rule {difference.version}"
    if difference.partition is not None:
        where += f", partition {difference.partition}"
    if difference.window_end_at:
        where += f", window {difference.window_start_at} to {difference.window_end_at}"
    fields = [
        f"  {row.field}: logged {row.logged!r}, rebuilt {row.rebuilt!r}"
        for row in difference.fields
    ]
    return [f"DIFFERENT: {where}: {difference.problem}", *fields]
