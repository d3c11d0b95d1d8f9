"""``zeta bench decision``: the pure time of one decision, beside LiteLLM's Router."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec

from agents.benchmarks.figures import Row, over_runs, percentile
from agents.benchmarks.town import as_toml
from agents.benchmarks.worlds import names, query, rule, sections
from agents.comparison.litellm_library import deployment, load
from agents.routing import Table, decide
from schemas.query import Query
from streams.settings import Settings

SIZES = ((3, 3), (3, 1000), (100, 3), (100, 1000))
"""(models, tasks)."""

DECISIONS = 20_000
ASKED = 2_000
"""Of LiteLLM, which takes longer."""

NOW_MS = 1_790_000_000_000


def bench_decision(
    runs: int,
    sizes: Sequence[tuple[int, int]] = SIZES,
    decisions: int = DECISIONS,
    asked: int = ASKED,
) -> Row:
    """Microseconds per decision, and LiteLLM's for the same number of deployments."""
    rows = []
    for models, tasks in sizes:
        settings = _settings(models, tasks)
        table = Table({name: rule(name, names("model", models)) for name in settings.tasks})
        queries = [query(number, tasks, "q") for number in range(decisions)]
        found = []
        for _ in range(runs):
            took = _time(settings, table, queries)
            theirs = asyncio.run(_time_litellm(models, asked))
            found.append(
                {
                    "mean_us": sum(took) / len(took),
                    "p50_us": percentile(took, 0.5),
                    "p99_us": percentile(took, 0.99),
                    "litellm_p50_us": percentile(theirs, 0.5),
                    "litellm_p99_us": percentile(theirs, 0.99),
                }
            )
        rows.append({"models": models, "tasks": tasks, **over_runs(found)})
    return {"bench": "decision", "runs": runs, "decisions": decisions, "rows": rows}


def _settings(models: int, tasks: int) -> Settings:
    return msgspec.toml.decode(as_toml(sections(models, tasks)), type=Settings)


def _time(settings: Settings, table: Table, queries: Sequence[Query]) -> list[float]:
    clock = time.perf_counter_ns
    took = []
    for one in queries:
        assert one.task is not None, "these name theirs"
        began = clock()
        decide(settings, table, one, one.task, (), now_ms=NOW_MS)
        took.append((clock() - began) / 1000)
    return took


async def _time_litellm(models: int, asked: int) -> list[float]:
    litellm = load()
    group = [deployment("models", name) for name in names("model", models)]
    router = litellm.Router(model_list=group)
    clock = time.perf_counter_ns
    took = []
    for number in range(asked):
        messages = [{"role": "user", "content": f"Question {number}"}]
        began = clock()
        await router.async_get_available_deployment(
            model="models", messages=messages, request_kwargs={}
        )
        took.append((clock() - began) / 1000)
    return took
