"""What a window doesn't take: times that can't be, and more names than its record could hold."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.metric import Metric
from schemas.wire import LONGEST_NAME
from streams.summaries import Tally

MOST_TASKS = 50
MOST_MODELS = 40
MOST_POOLS = 100
"""Of one partition's window: tasks besides the known ones; models, and pools, of one task.

Names are the client's to choose. A part of a window with more of them wouldn't fit into a record,
and the aggregator could never go on.
"""


class RefusedError(ValueError):
    """A record counts for nothing; the message says why."""


class SkewError(RefusedError):
    """A record claims a time too far ahead of the broker's."""


class LimitError(RefusedError):
    """A record names one task, model or pool more than a window holds."""


def check_names(metric: Metric, models: Mapping[str, Tally]) -> None:
    """Refuses what would make a part of a window too large.

    Args:
        metric: what is to be added.
        models: those that its window has.

    Raises:
        LimitError: one too many.
    """
    if metric.model not in models and len(models) >= MOST_MODELS:
        raise LimitError(f"a window of {metric.task} holds {MOST_MODELS} models")
    pool, tally = metric.pool, models.get(metric.model)
    if pool is None or (tally is not None and pool in tally.pools):
        return
    if len(pool) > LONGEST_NAME:
        raise LimitError(f"a pool's name has at most {LONGEST_NAME} characters")
    if sum(len(other.pools) for other in models.values()) >= MOST_POOLS:
        raise LimitError(f"a window of {metric.task} holds {MOST_POOLS} pools of feedback")
