"""What a window doesn't take: times that can't be, and more names than its record could hold."""

from __future__ import annotations

from schemas.metric import Metric
from schemas.wire import LONGEST_NAME
from streams.summaries import Tally

MOST_TASKS = 50
"""Of one partition's window, besides the known ones."""

MOST_BYTES = 900_000
"""Of one partition's window of one task, as it is written: less than a record may have.

Names are the client's to choose, and so are response times, each of which may need a bucket. A
part that doesn't fit into a record could never be published, and the aggregator never go on.
"""

MODEL_BYTES = 420
POOL_BYTES = 90
BUCKET_BYTES = 16
CHARACTER_BYTES = 6
"""What a model's sums, a pool's, a bucket and a character of a name take at most in JSON."""


class RefusedError(ValueError):
    """A record counts for nothing; the message says why."""


class SkewError(RefusedError):
    """A record claims a time too far ahead of the broker's."""


class LimitError(RefusedError):
    """A record names one task, model or pool more than a window holds."""


def growth(metric: Metric, tally: Tally | None, bucket: int | None) -> int:
    """By how many bytes, at most, a part of a window grows with this metric.

    Args:
        metric: what is to be added.
        tally: its model's, if the window has that model.
        bucket: its response time's, if it is an outcome.

    Raises:
        LimitError: a pool's name is too long for any.
    """
    size = 0 if tally is not None else MODEL_BYTES + len(metric.model) * CHARACTER_BYTES
    if bucket is not None:
        known = tally is not None and bucket in tally.latency
        return size if known else size + BUCKET_BYTES
    pool = metric.pool
    if pool is None or (tally is not None and pool in tally.pools):
        return size
    if len(pool) > LONGEST_NAME:
        raise LimitError(f"a pool's name has at most {LONGEST_NAME} characters")
    return size + POOL_BYTES + len(pool) * CHARACTER_BYTES
