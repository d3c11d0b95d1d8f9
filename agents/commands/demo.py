"""``zeta demo``: the whole product in one command."""

from __future__ import annotations

import asyncio
import os
import time
import tomllib
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from agents import dashboard
from agents.client import read_queries
from agents.commands.context import FAILED, Context, get
from agents.commands.running import Options, role_command
from agents.demo import (
    DemoError,
    Watcher,
    ask_all,
    model_children,
    models_up,
    rule_versions,
    simulated_queries,
    until,
    with_run_ids,
)
from agents.demo_view import DemoView
from agents.roles import role_names
from agents.supervising import Child, supervised
from schemas.query import Query
from schemas.window_score import WindowScore
from streams import broker
from streams.admin import create_topics
from streams.broker.ports import free_port_run, free_ports
from streams.home import home
from streams.settings import Settings, load
from streams.tables import read_all

ANSWER_TIMEOUT_S = 150.0
QUERIES_PER_S = 3.0
SIMULATED_QUERIES = 1200
SIMULATED_PER_S = 60.0


def demo(
    context: typer.Context,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Simulated models, one of which goes bad.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the broker running, to look at the topics.")
    ] = False,
) -> None:
    """Start a broker, models and every role; ask; show answers, scores and rules changing.

    Example: zeta demo --simulated

    KAFKA_BOOTSTRAP uses that broker instead of a local one; its topics get a prefix of their own.
    """
    shared = get(context)
    run = f"demo-{time.strftime('%Y%m%d-%H%M%S')}"
    archive = home(os.environ) / "archive" / run
    name = "demo-simulated.toml" if simulated else "demo-local.toml"
    with ExitStack() as stack:
        path = stack.enter_context(as_file(files("agents") / "data" / name))
        bootstrap = _bootstrap(shared, stack, keep=keep)
        shared.config = path
        shared.flags |= {
            "kafka.bootstrap": bootstrap,
            "kafka.prefix": f"{run}-",
            "archive.directory": str(archive),
            "dashboard.enabled": "true",
            "dashboard.port": str(free_ports(1)[0]),
        }
        endpoints = _endpoints(path, simulated=simulated)
        shared.flags |= {
            f"models.{model}.endpoint": f"http://127.0.0.1:{port}"
            for model, port in endpoints.items()
        }
        settings = load(path, {}, shared.flags)
        try:
            code = asyncio.run(_demo(shared, settings, run, endpoints, simulated=simulated))
        except DemoError as error:
            shared.fail(str(error))
        _say_what_is_kept(shared, archive)
        if keep:
            _say_how_to_look(shared, settings)
    raise typer.Exit(code)


def _bootstrap(shared: Context, stack: ExitStack, *, keep: bool) -> str:
    """An outside broker where one is named; else the lasting local one, or one just for this."""
    if outside := os.environ.get("KAFKA_BOOTSTRAP"):
        return outside
    shared.say("starting Apache Kafka (the first time it is fetched)")
    if keep:
        started = broker.start(broker.default_directory())
        assert started.bootstrap is not None, "a broker that runs has an address"
        return started.bootstrap
    return stack.enter_context(broker.ephemeral()).bootstrap


def _endpoints(path: Path, *, simulated: bool) -> dict[str, int]:
    models = list(tomllib.loads(path.read_text())["models"])
    if not simulated:
        return dict(zip(models, free_ports(len(models)), strict=True))
    first = free_port_run(len(models))
    return {model: first + index for index, model in enumerate(models)}


def _queries(*, simulated: bool) -> list[Query]:
    if simulated:
        return list(simulated_queries(SIMULATED_QUERIES))
    with as_file(files("agents") / "data" / "demo-queries.jsonl") as path:
        return _mixed(read_queries(path, ()))


def _mixed(queries: list[Query]) -> list[Query]:
    """By turns of each task, so that every window has some of each."""
    by_task: dict[str | None, list[Query]] = {}
    for query in queries:
        by_task.setdefault(query.task, []).append(query)
    turns = max(len(rows) for rows in by_task.values())
    return [rows[turn] for turn in range(turns) for rows in by_task.values() if turn < len(rows)]


async def _demo(
    shared: Context, settings: Settings, run: str, endpoints: dict[str, int], *, simulated: bool
) -> int:
    await create_topics(settings)
    options = Options("warning", replica="demo")
    roles = [Child(role, role_command(shared, role, options)) for role in role_names(settings)]
    children = [*model_children(endpoints, simulated=simulated), *roles]
    queries = with_run_ids(_queries(simulated=simulated), run)
    view = DemoView(shared.out, settings, queries, answers=not simulated)
    watcher = Watcher(settings, on_rule=view.rule, on_grade=view.grade)
    shared.say(f"starting {len(children)} processes: {', '.join(child.name for child in children)}")
    shared.say(f"watch it at {dashboard.announced(settings)}")
    async with supervised(children, shared.say) as gave_up, watcher.watching():
        await models_up(settings, gave_up)
        await until(watcher.ready, "the first rules and the workers", gave_up)
        view.before()
        rate = SIMULATED_PER_S if simulated else QUERIES_PER_S
        answered = await ask_all(settings, queries, rate, view.answer, ANSWER_TIMEOUT_S)
        await _windows_closed(settings, watcher, gave_up)
        parts = [part for _, part in await read_all(settings.kafka, "scores", WindowScore)]
        view.after(await rule_versions(settings), parts)
    enough = view.ended(answered, simulated=simulated)
    return 0 if enough else FAILED


async def _windows_closed(settings: Settings, watcher: Watcher, gave_up: asyncio.Event) -> None:
    """Waits until the last answers' window has closed and its rule is out."""
    now_ms = time.time_ns() // 1_000_000
    last = now_ms // round(settings.windows.size_s * 1000) * round(settings.windows.size_s * 1000)

    def folded() -> bool:
        return all(versions[-1].window_end_at >= last for versions in watcher.rules.values())

    try:
        await asyncio.wait_for(
            until(folded, "the last window", gave_up),
            settings.windows.size_s + settings.windows.lateness_s + 5,
        )
    except TimeoutError:
        return  # no answers in the last window: no rule follows from it


def _say_what_is_kept(shared: Context, archive: Path) -> None:
    kept = [path for path in archive.rglob("*.parquet") if "_temporary" not in path.parts]
    size_kib = sum(path.stat().st_size for path in kept) / 1024
    shared.say(
        f"every topic is kept as Parquet ({len(kept)} files, {size_kib:.0f} KiB); for example:\n"
        f"  zeta archive verify {archive}\n"
        f"  zeta whatif --archive {archive} --policy greedy"
    )


def _say_how_to_look(shared: Context, settings: Settings) -> None:
    kafka = settings.kafka
    shared.say(
        f"the broker runs on {kafka.bootstrap}; look at the topics, for example:\n"
        f"  zeta --set kafka.bootstrap={kafka.bootstrap} --set kafka.prefix={kafka.prefix} "
        "tail rules-log --from-beginning --no-follow\n"
        "and end it with: zeta kafka stop"
    )
