"""The topic table as data: names, keys, retention and what each topic carries."""

from __future__ import annotations

import re

import pytest

from schemas.arrow import EVENTS
from schemas.assignment import Assignment
from schemas.metric import Metric
from schemas.tick import Tick
from streams.topics import (
    DAY_MS,
    FIXED,
    HOUR_MS,
    Topic,
    event_types,
    model_topic,
    topic_table,
)

KEPT: dict[str, int | None] = {
    "queries": 7 * DAY_MS,
    "reroutes": 7 * DAY_MS,
    "responses": 7 * DAY_MS,
    "chunks": HOUR_MS,
    "cancellations": HOUR_MS,
    "feedback": 7 * DAY_MS,
    "metrics": 30 * DAY_MS,
    "scores": 30 * DAY_MS,
    "controls": 30 * DAY_MS,
    "rules": None,
    "rules-log": 30 * DAY_MS,
    "model-status": None,
    "dead-letters": 30 * DAY_MS,
    "models.code-7b": 7 * DAY_MS,
}


def test_the_table_is_the_designs() -> None:
    assert {row.name: row.retention_ms for row in topic_table(["code-7b"])} == KEPT


@pytest.mark.parametrize("row", topic_table(["code-7b"]), ids=lambda row: row.name)
def test_a_topic_is_compacted_or_kept_for_a_time(row: Topic) -> None:
    configuration = row.configuration()
    if row.retention_ms is None:
        assert configuration["cleanup.policy"] == "compact"
        assert "retention.ms" not in configuration
    else:
        assert configuration["cleanup.policy"] == "delete"
        assert configuration["retention.ms"] == str(row.retention_ms)


def test_what_the_tuner_reads_and_writes_has_one_partition() -> None:
    one = {row.name for row in FIXED if row.partitions == 1}
    assert one == {"scores", "controls", "rules", "rules-log", "model-status"}


def test_a_dead_letter_has_room_for_the_largest_record_in_base64() -> None:
    row = next(row for row in FIXED if row.name == "dead-letters")
    assert int(row.configuration()["max.message.bytes"]) > 4 / 3 * 1_048_588


def test_names_are_legal_and_kafka_can_tell_them_apart() -> None:
    names = [row.name for row in topic_table(["code-7b", "embed-0.6b"])]
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", name) for name in names)
    assert len({name.replace(".", "_") for name in names}) == len(names)


def test_each_event_travels_somewhere() -> None:
    assert {event for row in topic_table(["a"]) for event in row.events} == set(EVENTS)


def test_a_topic_names_its_events() -> None:
    assert event_types("metrics") == (Metric, Tick)
    assert event_types(model_topic("embed-0.6b")) == (Assignment,)
    assert event_types("somebody-elses") is None


def test_in_a_sandbox_what_happened_keeps_its_time_and_what_is_asked_does_not() -> None:
    for row in FIXED:
        inside = row.configuration(sandbox=True)
        stamps = inside.get("message.timestamp.type") == "LogAppendTime"
        assert stamps == (row.name == "queries")
        if not row.compacted:
            assert inside["retention.ms"] == "-1", "its records are old"
        same = {"max.message.bytes", "cleanup.policy"}
        outside = row.configuration()
        assert all(inside.get(key) == outside.get(key) for key in same)
