"""What a process pays for records that others write, where no benchmark has timed both. Pure.

Router, worker, grader, aggregator and gateway were measured as processes: Kafka's client is in
their figures. The simulations time what becomes of a record once it was read, so reading is added
to them here. It is that of a loop that decodes, too: decoding counts twice, which makes each of
these an upper bound, but for what a record larger than a metric takes on its way.
"""

from __future__ import annotations

from agents.scaling.assumed import Assumed
from agents.scaling.measured import Measured
from agents.scaling.processes import metrics_per_query


def board_s(measured: Measured, assumed: Assumed) -> float:
    """Seconds of a dashboard's core for a query: its answer and its metrics, read and shown."""
    return (1 + metrics_per_query(assumed)) * measured.read_s + measured.board_us / 1e6


def tuner_share(measured: Measured, assumed: Assumed, partitions: int) -> float:
    """Of a tuner's core: each pane a part of each task from each ``metrics`` partition."""
    row = measured.tuner_row(assumed.tasks, assumed.models)
    part_s = measured.read_s + row.us_per_part / 1e6
    return partitions * assumed.tasks * part_s / assumed.pane_s


def report_s(measured: Measured) -> float:
    """Seconds of a router's core for a worker's report, without the look at all of them."""
    return measured.read_s + measured.hearing[-1].us_per_report / 1e6
