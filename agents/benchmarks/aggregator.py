"""``zeta bench aggregator``: metrics folded per second, and memory, beside a bare reader."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from agents.benchmarks.figures import Row, over_runs
from agents.benchmarks.processes import BenchError, running, yardstick
from agents.benchmarks.progress import STALLED_S, Progress, counted
from agents.benchmarks.town import Town, town
from agents.benchmarks.worlds import metric_records, sections
from schemas.tick import Tick
from schemas.window_score import WindowScore
from schemas.wire import encode
from streams.broker.ports import free_ports
from streams.clock import now_ms
from streams.consuming import Record
from streams.tables import TableReader

MODELS = TASKS = 3
PARTITIONS = 4
WINDOWS = {"size_s": 60.0, "panes": 1, "lateness_s": 0.0, "tick_s": 60.0, "skew_s": 600.0}
TAKEN = re.compile(r'^zeta_records_consumed_total\{topic="metrics"\} (\S+)$', re.MULTILINE)
HOUR_MS = 3_600_000
LOOKED_S = 0.1
"""How often the process is asked how far it is: asking takes its time, and the machine's."""

AHEAD_MS = 120_000
"""How far ahead the tick is that closes every window once the last metric is folded."""


async def bench_aggregator(
    bootstrap: str, runs: int, sizes: Sequence[tuple[int, int]], say: Callable[[str], None]
) -> Row:
    """Metrics per second of one process, without the first tenth, to the last window's part.

    Args:
        bootstrap: the broker.
        runs: of each size.
        sizes: how many metrics, and over how many hours of the log they came: it remembers the
            identities of one hour (``windows.horizon_s``).
        say: told how far it is.
    """
    rows = []
    for size, hours in sizes:
        found = []
        for run in range(runs):
            say(f"aggregator: {size:,} metrics, run {run + 1} of {runs}")
            made = sections(MODELS, TASKS, partitions=PARTITIONS, windows=WINDOWS)
            made["kafka"]["sandbox"] = True  # or the broker would stamp its own time on them
            async with town(bootstrap, made) as place:
                since = now_ms() - hours * HOUR_MS
                logged = [since + hours * HOUR_MS * number // size for number in range(size)]
                metrics = metric_records(MODELS, TASKS, logged)
                await _tick(place, since)
                await place.fill("metrics", metrics, timestamps_ms=logged)
                ticked_at, pane_ms = now_ms() + AHEAD_MS, place.settings.windows.pane_ms
                await _tick(place, ticked_at)
                folded = await _fold(place, size, ticked_at // pane_ms * pane_ms)
                command = yardstick("bare_reader", str(place.file))
                with running("bare-reader", command, place.directory) as process:
                    bare = (await counted(process, size)).rate(size)
                ratio = folded["metrics_per_s"] / bare
                found.append({**folded, "bare_reader_per_s": bare, "ratio_to_bare_reader": ratio})
        rows.append({"metrics": size, "over_hours": hours, **over_runs(found)})
    return {"bench": "aggregator", "runs": runs, "rows": rows}


@dataclass
class Resident:
    """MB resident: when half is read, the most from then on, and at the end."""

    half_mb: float = 0.0
    peak_mb: float = 0.0
    end_mb: float = 0.0

    def look(self, now_mb: float, share: float) -> None:
        """Notes what there is when this share of all is read."""
        self.end_mb = now_mb
        if share >= 0.5:
            self.half_mb = self.half_mb or now_mb
            self.peak_mb = max(self.peak_mb, now_mb)

    def figures(self) -> dict[str, float]:
        """With how much there is at the end for each MB at half."""
        return {
            "resident_mb": self.end_mb,
            "resident_mb_half": self.half_mb,
            "resident_mb_peak": self.peak_mb,
            "end_over_half": self.end_mb / self.half_mb,
        }


async def _tick(place: Town, ticked_at: int) -> None:
    """To each partition, as an aggregator does."""
    ticks = [(b"", encode(Tick(ticked_at=ticked_at)))] * PARTITIONS
    await place.fill("metrics", ticks, timestamps_ms=[ticked_at] * PARTITIONS)


async def _fold(place: Town, size: int, ends_at: int) -> dict[str, float]:
    """Folds all; done is when all is closed up to then, of every partition and task."""
    closed: set[tuple[int, str]] = set()
    last_s = 0.0

    def put(score: WindowScore, _: Record) -> None:
        nonlocal last_s
        if score.window_end_at >= ends_at:
            closed.add((score.partition, score.task))
            last_s = time.monotonic()

    reader = TableReader(place.settings.kafka, "scores", WindowScore, put)
    await reader.start()
    (port,) = free_ports(1)
    progress, resident = Progress(), Resident()
    arguments = ("--log-level", "warning", "--metrics-port", str(port))
    try:
        with place.role("aggregator", *arguments) as process:
            async with httpx.AsyncClient(timeout=5.0) as http:
                moved_s = time.monotonic()
                while len(closed) < PARTITIONS * TASKS:
                    process.check()
                    count = await _taken(http, port)
                    if 0 < count < size:  # at the end they are read, and not yet folded
                        progress.samples.append((time.monotonic(), count))
                    resident.look(process.resident_mb(), count / size)
                    if last_s == 0.0 and time.monotonic() - moved_s > STALLED_S + size / 5000:
                        raise BenchError(f"{count} of {size} metrics were read, and no end told")
                    await asyncio.sleep(LOOKED_S)
            progress.samples.append((last_s, size))
            resident.look(process.resident_mb(), 1.0)
            return {"metrics_per_s": progress.rate(size), **resident.figures()}
    finally:
        await reader.stop()


async def _taken(http: httpx.AsyncClient, port: int) -> int:
    """How many metrics the process has taken; 0 before it tells."""
    try:
        text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    except httpx.HTTPError:
        return 0
    found = TAKEN.search(text)
    return int(float(found[1])) if found else 0
