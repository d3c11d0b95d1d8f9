"""What was measured, out of the JSON of ``zeta bench all --json`` and of the simulations. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

BUNDLED = "measured.json"
SIMULATIONS = "simulations"
BENCHES = ("router", "scale", "worker", "aggregator", "throughput", "gateway", "start")
"""Whose figures are used."""


class MeasuredError(ValueError):
    """A file isn't one of ours, or lacks a benchmark; the message names it."""


class TunerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A pane's parts decoded and folded by the tuner's code; times of processor."""

    partitions: int
    tasks: int
    models: int
    pane_ms: float
    us_per_part: float
    part_bytes: int


class HealthRow(msgspec.Struct, frozen=True, kw_only=True):
    """What workers' reports cost a router: by query, by report, by look at all of them."""

    workers: int
    us_per_query: float
    us_per_report: float
    us_per_look: float


class LearningRow(msgspec.Struct, frozen=True, kw_only=True):
    """Mean grade 0..1 when windows come in so many parts, and rules so many panes late."""

    partitions: int
    late_panes: int
    accuracy: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of one process on one core, medians of the runs.

    ``router_per_s``: the slowest of the router's benchmark and of the growth benchmark's rows of
    one process and three models, whatever the partitions. ``reader_per_s``: a bare loop that
    reads and decodes metrics. ``loop_cpu_ms``: processor time of all roles of the loop for a
    query, ``grader_cpu_ms`` the grader's part of it, ``tuner_cpu_ms`` the tuner's, None where it
    wasn't among them: in small batches, so that busy ones need less. ``broker_cpu_ms``: of one
    broker, without copies; None where it was somebody else's. ``gateway_cpu_ms``: of the gateway
    for a request. ``memory_mb``: by role, at rest. The rest is from the simulations: microseconds
    of pure code (``skip_us`` of a gateway for another's answer, ``board_us`` of the dashboard for
    a query, ``index_us`` of the grader to index an answer anew) and bytes of an answer in its
    index.
    """

    router_per_s: float
    worker_per_s: float
    aggregator_per_s: float
    reader_per_s: float
    loop_cpu_ms: float
    grader_cpu_ms: float
    tuner_cpu_ms: float | None
    broker_cpu_ms: float | None
    gateway_cpu_ms: float
    memory_mb: Mapping[str, float]
    tuning: list[TunerRow]
    hearing: list[HealthRow]
    learning: list[LearningRow]
    skip_us: float
    board_us: float
    index_us: float
    index_bytes: float

    @property
    def read_s(self) -> float:
        """Seconds of a core for a record that is read, decoding included."""
        return 1 / self.reader_per_s

    def tuner_row(self, tasks: int, models: int) -> TunerRow:
        """The row of the most partitions, of the nearest tasks and models that were timed."""
        near = min(self.tuning, key=lambda row: _distance(row, tasks, models))
        alike = [r for r in self.tuning if (r.tasks, r.models) == (near.tasks, near.models)]
        return max(alike, key=lambda row: row.partitions)

    def look_us(self, workers: float) -> float:
        """A router's microseconds for a look at all, a line through the first and the last row."""
        first, last = self.hearing[0], self.hearing[-1]
        slope = (last.us_per_look - first.us_per_look) / (last.workers - first.workers)
        return first.us_per_look + slope * max(0.0, workers - first.workers)


def _distance(row: TunerRow, tasks: int, models: int) -> float:
    return abs(row.tasks - tasks) + abs(row.models - models)


class _Spread(msgspec.Struct, frozen=True):
    median: Annotated[float, msgspec.Meta(ge=0)]


def measured(found: Mapping[str, Any], name: str = BUNDLED) -> Measured:
    """The rates in the content of a file of that name.

    Raises:
        MeasuredError: a benchmark or a figure isn't there, or is none.
    """
    try:
        return _measured(found)
    except MeasuredError as error:
        raise MeasuredError(f"{name}: {error}") from error
    except (KeyError, IndexError, TypeError, AttributeError, msgspec.ValidationError) as error:
        raise MeasuredError(f"{name}: a figure is missing: {error!r}") from error


def _measured(found: Mapping[str, Any]) -> Measured:
    benches = {bench["bench"]: bench for bench in found["benches"]}
    simulated = found[SIMULATIONS]
    largest, loop = benches["aggregator"]["rows"][-1], benches["throughput"]
    return Measured(
        router_per_s=min(_median(benches["router"], "records_per_s"), *_alone(benches["scale"])),
        worker_per_s=_median(benches["worker"], "answers_per_s"),
        aggregator_per_s=_median(largest, "metrics_per_s"),
        reader_per_s=_median(largest, "bare_reader_per_s"),
        loop_cpu_ms=_median(loop, "cpu_ms_per_query"),
        grader_cpu_ms=_median(loop, "grader_cpu_ms_per_query"),
        tuner_cpu_ms=_if_there(loop, "tuner_cpu_ms_per_query"),
        broker_cpu_ms=_if_there(loop, "broker_cpu_ms_per_query"),
        gateway_cpu_ms=_median(benches["gateway"], "gateway_cpu_ms"),
        memory_mb=_memory_mb(benches["start"]),
        tuning=msgspec.convert(simulated["tuning"], list[TunerRow]),
        hearing=msgspec.convert(simulated["hearing"], list[HealthRow]),
        learning=msgspec.convert(simulated["learning"], list[LearningRow]),
        skip_us=simulated["skipping"]["skip_us"],
        board_us=simulated["watching"]["board_us"],
        index_us=simulated["indexing"]["index_us"],
        index_bytes=simulated["indexing"]["index_bytes"],
    )


def _alone(scale: Mapping[str, Any]) -> list[float]:
    """Rates of one router process with three models, one of each number of partitions."""
    alone = [row for row in scale["rows"] if (row["processes"], row["models"]) == (1, 3)]
    if not alone:
        raise MeasuredError("scale: no row of one process and three models")
    return [_median(row, "records_per_s") for row in alone]


def _memory_mb(start: Mapping[str, Any]) -> dict[str, float]:
    keys = [key for key in start if key.endswith("_mb") and key != "largest_role_mb"]
    if not keys:
        raise MeasuredError("start: no role's memory")
    return {key.removesuffix("_mb"): _median(start, key) for key in keys}


def _median(row: Mapping[str, Any], key: str) -> float:
    """A figure above 0: some are divided by."""
    value = _value(row, key)
    if not value:
        raise MeasuredError(f"{key} must be above 0")
    return value


def _if_there(row: Mapping[str, Any], key: str) -> float | None:
    return _value(row, key) if key in row else None


def _value(row: Mapping[str, Any], key: str) -> float:
    try:
        return msgspec.convert(row[key], _Spread).median
    except msgspec.ValidationError as error:
        raise MeasuredError(f"{key}: {error}") from error
