"""``zeta ask``, ``zeta send`` and ``zeta tail``: a client's commands."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from agents.client import Client, read_queries
from agents.commands import completing
from agents.commands.context import FAILED, Context, Json, get
from agents.printable import printable
from agents.summarising import Summary, summary_table
from agents.tailing import Tail, tail_topic
from schemas.query import Parameters, Query
from schemas.response import Response
from schemas.wire import encode
from streams.settings import Settings
from streams.tracing import Tracing


def traced() -> Tracing:
    """Whether a client records spans, by the ``OTEL_*`` variables."""
    tracing = Tracing()
    tracing.start(os.environ, "zeta-client")
    return tracing


def _new_ids() -> Iterator[str]:
    while True:
        yield uuid.uuid4().hex


def ask(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="The prompt, or with --embed the text to embed.")],
    task: Annotated[
        str | None,
        typer.Option(help="Left out, the router classifies.", autocompletion=completing.tasks),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Only this model (repeatable).", autocompletion=completing.models),
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1)] = None,
    session: Annotated[str | None, typer.Option(help="Queries of a session stay together.")] = None,
    embed: Annotated[bool, typer.Option("--embed", help="Ask for an embedding.")] = False,
    any_space: Annotated[
        bool, typer.Option("--any-space", help="An embedding of any vector space will do.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait.")] = 60.0,
    json: Json = False,
) -> None:
    """Produce one query to Kafka and print its answer; exit code 1 if there is none.

    Example: zeta ask "Write a haiku about queues" --task reasoning
    """
    query = Query(
        query_id=next(_new_ids()),
        task=task,
        prompt=None if embed else text,
        input=text if embed else None,
        parameters=Parameters(max_tokens=max_tokens),
        session=session,
        models=model or None,
        any_space=any_space,
        time_limit_s=timeout,
    )
    shared = get(context)
    response = asyncio.run(_ask(shared.connected_settings(), query, timeout))
    if response is None:
        shared.fail(f"no answer within {timeout:g} s: do the router and a worker run?")
    if json:
        shared.json(response)
    else:
        _print_answer(shared, response)
    if response.error is not None:
        raise typer.Exit(FAILED)


async def _ask(settings: Settings, query: Query, timeout_s: float) -> Response | None:
    async with Client(settings, traced()) as client:
        await client.send(query)
        await client.flush()
        # The error answer at the time limit comes a little after it.
        async for response in client.answers({query.query_id}, timeout_s + 5):
            return response
    return None


def _print_answer(shared: Context, response: Response) -> None:
    if response.error is not None:
        shared.say(f"zeta: {response.error.kind}: {response.error.message}")
        return
    if response.embeddings is not None:
        for row in response.embeddings:
            print(" ".join(f"{number:.6g}" for number in row))
    else:
        text = response.text or ""
        print(printable(text) if shared.out.is_terminal else text)
    shared.say(f"[{response.model}, {response.task}, {response.timings.total_s:.3f} s]")


def send(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="One query per line, as JSON.")],
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait.")] = 300.0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the answers here, as JSON Lines.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the answers.")] = True,
    json: Json = False,
) -> None:
    """Produce many queries, wait for their answers, and sum them up; exit code 1 if any failed.

    Example: zeta send queries.jsonl --output answers.jsonl
    """
    shared = get(context)
    settings = shared.settings()
    left_out: list[str] = []
    queries = read_queries(file, _new_ids(), settings.kafka.max_record_bytes, left_out.append)
    for problem in left_out:
        shared.say(f"zeta: {problem}")
    settings = shared.connected_settings()
    summary = asyncio.run(_send(shared, settings, queries, timeout, output, wait=wait))
    if json:
        shared.json(summary.as_dict())
    elif wait:
        shared.out.print(summary_table(summary))
    else:
        shared.say(f"{len(queries)} queries sent")
    if left_out or (wait and summary.answered < len(queries)):
        raise typer.Exit(FAILED)


async def _send(
    shared: Context,
    settings: Settings,
    queries: list[Query],
    timeout_s: float,
    output: Path | None,
    *,
    wait: bool,
) -> Summary:
    summary = Summary(asked=len(queries))
    with Progress(console=shared.err, transient=True) as progress:
        sending = progress.add_task("sent", total=len(queries))
        answering = progress.add_task("answered", total=len(queries) if wait else 0)
        async with Client(settings, traced()) as client:
            for query in queries:
                await client.send(query)
                progress.advance(sending)
            await client.flush()
            if not wait:
                return summary
            with _Lines(output) as lines:
                wanted = {query.query_id for query in queries}
                async for response in client.answers(wanted, timeout_s):
                    summary.add(response)
                    lines.write(response)
                    progress.advance(answering)
    return summary


class _Lines:
    """A file of JSON Lines, or nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("wb") if path is not None else None

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, response: Response) -> None:
        """Writes one line."""
        if self._file is not None:
            self._file.write(encode(response) + b"\n")


def tail(
    context: typer.Context,
    topic: Annotated[
        str,
        typer.Argument(
            help="A topic's name, e.g. responses or rules-log.", autocompletion=completing.topics
        ),
    ],
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="From the first record that is kept.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("-n", "--count", min=1, help="End after so many.")
    ] = None,
    follow: Annotated[bool, typer.Option(help="Wait for new records.")] = True,
    key: Annotated[str | None, typer.Option(help="Only records with this key.")] = None,
    meta: Annotated[
        bool, typer.Option("--meta", help="Wrap each value with partition, offset, key, time.")
    ] = False,
) -> None:
    """Print a topic's records as JSON, one per line.

    Example: zeta tail responses --from-beginning -n 3
    """
    wanted = Tail(
        topic=topic,
        from_beginning=from_beginning,
        count=count,
        follow=follow,
        key=key,
        meta=meta,
    )
    settings = get(context).connected_settings()
    asyncio.run(tail_topic(settings, wanted, lambda line: print(line, flush=True)))
