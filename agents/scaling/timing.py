"""Pure code, timed at sizes that one machine can't run: nothing here sends or reads.

Each takes ``clock`` (seconds of processor time) and returns rows for the page. What Kafka's client
and the network add is not in them, but for ``skipping``: ``readers`` adds it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from agents.answer_index import AnswerIndex, LoggedAnswer, served_by
from agents.benchmarks.worlds import names
from agents.board.board import Board
from agents.health import LOOKS, PROBE_S, Health
from agents.merging import RuleFold
from agents.scaling.sizes import ADDRESS, NOW_AT, settings, story
from agents.serving.answers import Answers
from agents.serving.waiting import Waiting
from schemas.control import Control
from schemas.model_status import ModelStatus
from schemas.response import Response
from schemas.window_score import ModelSummary, WindowScore
from schemas.wire import decode, encode
from streams.redrive.mark import Place
from streams.settings import Settings

Clock = Callable[[], float]
Row = dict[str, Any]

PARTITIONS = (4, 64, 1024, 4096)
TUNED = ((3, 3), (3, 50), (50, 3))
"""(tasks, models) of the tuner's rows; the largest sizes are only run for the first."""

MOST = 200_000
"""So many models' summaries are folded for a row, at most: seconds."""

WORKERS = (10, 100, 1000, 10_000)
REPORT_S = 1e6
"""So long that nobody is silent meanwhile."""

LOOK_S = PROBE_S / LOOKS
BUCKETS = 40
PANE_MS = 15_000
MANY = 20_000


def tuning(
    sizes: Sequence[tuple[int, int, int]] | None = None, clock: Clock = process_time
) -> list[Row]:
    """Milliseconds for a pane's parts, decoded and folded to rules: (partitions, tasks, models)."""
    chosen = sizes or [
        (partitions, tasks, models)
        for tasks, models in TUNED
        for partitions in PARTITIONS
        if partitions * tasks * models <= MOST
    ]
    return [_tuned(*size, clock) for size in chosen]


def _tuned(partitions: int, tasks: int, models: int, clock: Clock) -> Row:
    fold = started(settings(models, tasks))
    panes = [pane(number, partitions, tasks, models) for number in (1, 2)]
    rules = 0
    offset = 0
    for values in panes:
        began_s = clock()  # the second pane's counts: the first has to learn the partitions
        rules = 0
        for value in values:
            wide = decode(WindowScore, value).partitions  # twice, as the tuner does
            assert wide == partitions
            rules += len(list(fold.score(offset, decode(WindowScore, value))))
            offset += 1
        took_s = clock() - began_s
    assert rules == tasks, "each task's window is whole"
    return {
        "partitions": partitions,
        "tasks": tasks,
        "models": models,
        "pane_ms": 1000 * took_s,
        "us_per_part": 1e6 * took_s / (partitions * tasks),
        "part_bytes": len(panes[0][0]),
    }


def started(made: Settings) -> RuleFold:
    """A tuner's fold that knows the configuration of every task."""
    fold = RuleFold()
    for offset, task in enumerate(made.tasks):
        configuration = made.routing_configuration(task)
        control = Control(task=task, action="configure", configuration=configuration, issued_at=0)
        fold.control(offset, control)
    return fold


def pane(number: int, partitions: int, tasks: int, models: int) -> list[bytes]:
    """What aggregators publish of a pane, encoded: each partition's part of each task."""
    end_at = NOW_AT // PANE_MS * PANE_MS + number * PANE_MS
    summary = ModelSummary(
        outcomes=100,
        response_time_us=25_000_000,
        latency=dict.fromkeys(range(BUCKETS), 3),
        judgements=100,
        trust_micro=100_000_000,
        accuracy_micro=80_000_000,
        accuracy_square_micro=70_000_000,
    )
    summaries = dict.fromkeys(names("model", models), summary)
    return [
        encode(
            WindowScore(
                task=task,
                partition=partition,
                partitions=partitions,
                window_start_at=end_at - PANE_MS,
                window_end_at=end_at,
                models=summaries,
                first_offset=1,
                next_offset=2,
            )
        )
        for partition in range(partitions)
        for task in names("task", tasks)
    ]


def hearing(workers: Sequence[int] = WORKERS, clock: Clock = process_time) -> list[Row]:
    """A router's microseconds for each query, report and look, by workers of all three models."""
    return [_heard(count, clock) for count in workers]


def _heard(workers: int, clock: Clock) -> Row:
    health = Health(REPORT_S)
    reports = [
        ModelStatus(model=f"m-{n % 3}", worker=f"w-{n}", state="healthy", reason="", last_seen_at=0)
        for n in range(workers)
    ]
    for status in reports:
        health.put(status, 0.0, 0.0)
    values = list(map(encode, reports))
    times = max(1, MANY // workers)

    def per(count: int, run: Callable[[], object]) -> float:
        began_s = clock()
        run()
        return 1e6 * (clock() - began_s) / count

    def hear() -> None:
        for _ in range(times):
            for value in values:
                health.put(decode(ModelStatus, value), 0.0, 0.0)
                health.unavailable(0.0)  # as the next query makes it look, if it has to

    def ask() -> None:
        for _ in range(MANY):
            health.unavailable(0.0)
            health.gave("m-0", 0.0)

    def look() -> None:
        for number in range(times):
            health.unavailable(LOOK_S * (number + 1))

    return {
        "workers": workers,
        "us_per_report": per(times * workers, hear),
        "us_per_query": per(MANY, ask),
        "us_per_look": per(times, look),
    }


def skipping(clock: Clock = process_time) -> Row:
    """A gateway's microseconds for an answer that is another's: read by Kafka's client, skipped."""
    made = settings(3)
    answers = Answers(made.kafka, "another", Waiting(1000, made.kafka.max_record_bytes))
    value = encode(story(3, 1000, 400)["responses"][0])
    partition = TopicPartition("responses", 0)
    batches = [_batch(value) for _ in range(MANY // 100)]
    skipped = 0
    began_s = clock()
    for batch in batches:
        records = list(
            PartitionRecords(partition, MemoryRecords(batch), None, 0, None, None, True, 0)
        )
        answers.take("responses", records)
        skipped += len(records)
    assert skipped == MANY, "all were read"
    return {"skip_us": 1e6 * (clock() - began_s) / MANY}


def _batch(value: bytes, records: int = 100) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=1,
        producer_epoch=0,
        base_sequence=0,
        batch_size=10_000_000,
    )
    headers = [("reply_to", ADDRESS.encode())]
    for offset in range(records):
        builder.append(offset, timestamp=NOW_AT, key=b"a-query-id", value=value, headers=headers)
    return bytes(builder.build())


def watching(clock: Clock = process_time) -> Row:
    """The dashboard's microseconds for a query: its answer and its metrics decoded and shown."""
    made = settings(3)
    board = Board(made, lambda: NOW_AT)
    told = story(3, 1000, 400)
    rows = [
        (topic, type(event), encode(event))
        for topic in ("responses", "metrics")
        for event in told[topic]
    ]
    place = Place(0, 1)
    asked = MANY // 4
    began_s = clock()
    for _ in range(asked):
        for topic, kind, value in rows:
            board.put(topic, decode(kind, value), place, NOW_AT)
    return {"board_us": 1e6 * (clock() - began_s) / asked}


def indexing(clock: Clock = process_time) -> Row:
    """The grader's index of answers: bytes of each on disk, and microseconds to read it anew."""
    (response,) = story(3, 1000, 400)["responses"]
    value = encode(response)
    with tempfile.TemporaryDirectory(prefix="zeta-bench-") as name:
        path = Path(name) / "0.sqlite"
        index = AnswerIndex(path)
        began_s = clock()
        for start in range(0, MANY, 1000):
            rows = []
            for number in range(start, start + 1000):
                answer = decode(Response, value)
                assert answer.decision is not None, "it was routed"
                query_id = f"{number * 2654435761 % 2**32:032x}"
                served = served_by(answer, answer.decision)
                rows.append(LoggedAnswer(query_id, number, NOW_AT, served))
            index.put_answers(rows, topic="responses", position=start + 1000)
        took_s = clock() - began_s
        index.close()
        size = path.stat().st_size
    return {"index_bytes": size / MANY, "index_us": 1e6 * took_s / MANY}
