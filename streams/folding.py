"""Records of one ``metrics`` partition, read and folded: by who publishes and who proves it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import TypeAlias

from schemas.metric import Metric
from schemas.tick import Tick, decode_metrics
from schemas.window_score import WindowScore
from schemas.wire import WireError
from streams.history import LoggedRecord
from streams.refusing import RefusedError
from streams.replay.origin import replayed_by
from streams.sections import Kafka
from streams.windows import WindowFold

Said: TypeAlias = Sequence[WindowScore] | RefusedError | WireError


def fold_records(
    fold: WindowFold, kafka: Kafka, records: Sequence[LoggedRecord]
) -> Iterable[tuple[int, Said]]:
    """Folds records; tells by position of those that close parts of windows, or are of no use.

    In the order of the records, and to be read to its end: ``WindowFold.fold_all``. What a run has
    sent again is passed over.

    Raises:
        AssertionError: a gap in the offsets; folding on would lose records unseen.
    """
    if not records:
        return ()
    first, last = records[0].offset, records[-1].offset
    if last - first != len(records) - 1:
        raise AssertionError(f"a gap in the offsets between {first} and {last}")
    events: list[Metric | Tick | None] = []
    unread: list[tuple[int, WireError]] = []
    for position, record in enumerate(records):
        event = None
        if replayed_by(kafka, record.headers) is None:
            try:
                event = decode_metrics(record.value)
            except WireError as error:
                unread.append((position, error))
        events.append(event)
    told = fold.fold_all(first, [record.timestamp for record in records], events)
    return heapq.merge(unread, told, key=itemgetter(0))
