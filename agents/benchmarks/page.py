"""The benchmarks' results as tables: for a terminal, and for ``docs/benchmarks.md``. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agents.benchmarks.figures import Row
from agents.benchmarks.goals import Reached, reached

TITLES = {
    "router": "Router",
    "decision": "One decision",
    "path": "Query to answer",
    "throughput": "The whole loop",
    "worker": "Worker",
    "aggregator": "Aggregator",
    "loop-delay": "The loop's delay",
    "gateway": "Gateway",
    "scale": "Growth",
    "start": "Start, and rest",
}

WHAT = {
    "router": "Records per second that one router process decodes, validates, decides, encodes, "
    "has acknowledged and commits, queries of 1 KB with ids of 36 characters, rules in force. The "
    "bare loop puts each query as it came on one model's topic, by the same hash of its id, and "
    "waits for the broker after each fetch. Faust's agents read a quarter as many, one doing "
    "nothing, one in the tutorial's way. Counted by commits (Faust's by its own count), without "
    "the first tenth.",
    "decision": "Microseconds of `agents.routing.decide`, each call timed by itself; LiteLLM's is "
    "`async_get_available_deployment` of a Router with as many deployments.",
    "path": "Milliseconds at the client from sending a query to its answer, models without "
    "latency. The bare hops are two consumers that do nothing but the same call with the same "
    "client and connections; LiteLLM's Router calls the same server from one process, without "
    "Kafka.",
    "throughput": "256 queries unanswered at a time, three simulated models without latency, every "
    "answer graded. `cpu_ms_per_query` is the processor time of router, three workers, grader, "
    "aggregator and tuner together, each apart below it, as are the client that asks and the "
    "broker; LiteLLM's is that of its one process, which is its client, too: "
    "`litellm_cpu_over_ours` counts our client with ours, and no broker.",
    "worker": "Answers per second that one worker commits, 64 calls at a time, a model without "
    "latency, beside 64 loops of the same client and nothing else: once as the client comes, once "
    "as the worker has it, with its HTTP transport and without the look-ups that it switches off.",
    "aggregator": "Metrics folded per second by one process, without the first tenth of them, to "
    "the last part of the last window, beside a loop that reads and decodes the same and neither "
    "keeps nor commits anything. What the aggregator "
    "keeps are the identities of the last hour of the log, so memory follows the metrics of an "
    "hour, not those folded: once an hour is full it stays (`end_over_half`: what there is at the "
    "end for each MB when half was read).",
    "loop-delay": "Milliseconds. A window is closed when the last of its parts is on `scores`; "
    "routed is the first query whose decision names the rule. Windows are of a second in 4 parts, "
    "with 0.2 s for what is late and a tick each 50 ms: what the parts add, whatever the windows. "
    "With the defaults, 60 s in 4 parts and 2 s for what is late, an outcome waits up to 17 s for "
    "its part to close.",
    "gateway": "Milliseconds of a request to the gateway, and of the same request to the model's "
    "server; one at a time, 16 at a time, and to the first token of a stream. Processor time is "
    "that of each role for a request, 16 at a time.",
    "scale": "Records per second of all router processes together, without the first tenth of "
    "them, on this machine, which the broker shares: processes beyond its cores can't add. All "
    "have joined before there are records, and each must do its share. Each run has a new broker, "
    "where none is given.",
    "start": "`zeta kafka start`, `zeta topics create` and `zeta up`, one after the other, from "
    "nothing; MB (10^6 bytes) resident five seconds after.",
}


WHERE = {
    "own": "The broker, the models and the load are on the same machine.",
    "given": "The models and the load are on the same machine; the broker is the one that "
    "`KAFKA_BOOTSTRAP` names (but for `start`, which has its own): its processor time isn't known.",
}


def number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cell(value: Any) -> str:
    """A spread as median (least to largest), anything else as it is."""
    if isinstance(value, Mapping) and "median" in value:
        median, least, largest = (number(value[key]) for key in ("median", "min", "max"))
        return f"{median} ({least} to {largest})"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables(found: Row) -> str:
    """One benchmark's figures."""
    if "rows" in found:
        header = list(found["rows"][0])
        return table(header, ([cell(row[key]) for key in header] for row in found["rows"]))
    figures = {key: value for key, value in found.items() if isinstance(value, Mapping)}
    figures = {key: value for key, value in figures.items() if "median" in value}
    return table(
        ["figure", "median (least to largest)"], ([k, cell(v)] for k, v in figures.items())
    )


WANTED = ["bench", "what", "wanted", "median", ""]


def _wanted(row: Reached) -> list[str]:
    goal = row.goal
    bound = f"{'at least' if goal.at_least else 'at most'} {number(goal.bound)}"
    return [goal.bench, goal.what, bound, number(row.median), "met" if row.met else "**missed**"]


def page(machine: Row, command: str, date: str, elapsed_s: float, found: Sequence[Row]) -> str:
    """The whole page."""
    size = f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gb']:g} GB"
    intro = (
        f"Written by `{command}` on {date} in {elapsed_s / 60:.0f} minutes, on {size}; Python "
        f"{machine['python']}, Kafka {machine['kafka']}. {WHERE[machine['broker']]} Each figure "
        "is the median of the runs, with the least and the "
        "largest; ratios are taken run by run. Models are simulated; nothing else is. What limits "
        "each, and what was tried: [performance.md](performance.md)."
    )
    parts = ["# Benchmarks", intro]
    if goals := list(reached(found)):
        parts += ["## What was wanted", table(WANTED, map(_wanted, goals))]
    for row in found:
        name = row["bench"]
        asked = ", ".join(
            f"{key.replace('_', ' ')} {value:,}"
            for key, value in row.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        )
        parts += [f"## {TITLES[name]}", f"`zeta bench {name}`: {asked}.", WHAT[name], tables(row)]
    return "\n\n".join(parts) + "\n"
