"""The table of rights: its shape, and the order that it must never break."""

from __future__ import annotations

import pytest

from streams.access import Grant, grants, role_names
from streams.settings import Archive, Kafka, Model, Settings, Task
from streams.topics import topic_table

SETTINGS = Settings(
    kafka=Kafka(prefix="p-"),
    models={
        name: Model(endpoint="http://h", protocol="tgi", serves=["chat"]) for name in ("a", "b")
    },
    tasks={"reasoning": Task()},
)
TABLE = {f"p-{row.name}" for row in topic_table(SETTINGS.models)}


def may(role: str, operation: str) -> set[str]:
    """The topics on which the role may do so, without the prefix."""
    return {
        row.name.removeprefix("p-")
        for row in grants(SETTINGS, role)
        if row.resource == "topic" and operation in row.operations
    }


def test_each_role_has_its_rows() -> None:
    assert role_names(SETTINGS) == [
        "router", "grader", "aggregator", "tuner", "archiver", "client", "gateway",
        "dashboard", "worker-a", "worker-b", "operator", "admin",
    ]  # fmt: skip
    for role in role_names(SETTINGS):
        rows = grants(SETTINGS, role)
        assert rows
        assert len({(row.resource, row.name) for row in rows}) == len(rows)
        assert all(row.role == role and row.operations for row in rows)


@pytest.mark.parametrize(
    "role", ["router", "grader", "aggregator", "tuner", "archiver", "worker-a"]
)
def test_a_role_commits_in_its_own_group_alone(role: str) -> None:
    groups = [row for row in grants(SETTINGS, role) if row.resource == "group"]
    assert groups == [Grant(role, "group", f"p-{role}", ("Read",))]


@pytest.mark.parametrize("role", ["client", "gateway", "operator", "admin"])
def test_who_commits_nothing_has_no_group(role: str) -> None:
    assert {row.resource for row in grants(SETTINGS, role)} == {"topic"}


def test_the_dashboard_only_looks() -> None:
    rows = grants(SETTINGS, "dashboard")
    assert {row.operations for row in rows} == {("Read",), ("Describe",)}
    assert {row.name.removeprefix("p-") for row in rows if row.resource == "group"} == {
        *("router", "grader", "aggregator", "tuner", "archiver", "worker-a", "worker-b")
    }
    assert {row.name for row in rows if row.resource == "topic"} == TABLE
    assert not may("dashboard", "Read") & {"controls", "chunks", "cancellations"}


def test_names_are_those_of_topics() -> None:
    for role in role_names(SETTINGS):
        assert {row.name for row in grants(SETTINGS, role) if row.resource == "topic"} <= TABLE


def test_one_role_writes_what_decides() -> None:
    for topic in ("rules", "rules-log"):
        assert [role for role in role_names(SETTINGS) if topic in may(role, "Write")] == ["tuner"]
    scorers = [role for role in role_names(SETTINGS) if "scores" in may(role, "Write")]
    assert scorers == ["aggregator"]


def test_a_worker_reads_its_own_models_queries_alone() -> None:
    assert may("worker-a", "Read") == {"models.a", "cancellations"}
    assert not {topic for topic in may("worker-a", "Write") if topic.startswith("models.")}
    assert may("router", "Write") >= {"models.a", "models.b"}


def test_only_the_admin_makes_topics() -> None:
    assert may("admin", "Create") == {name.removeprefix("p-") for name in TABLE}
    assert not may("admin", "Read") | may("admin", "Write")
    others = [role for role in role_names(SETTINGS) if role != "admin"]
    assert not [role for role in others if may(role, "Create")]


def test_the_archiver_reads_what_is_archived() -> None:
    some = Settings(archive=Archive(topics=["queries"]))
    rows = grants(some, "archiver")
    assert [(row.name, row.operations) for row in rows] == [
        ("queries", ("Read",)),
        ("archiver", ("Read",)),
    ]
    assert not may("archiver", "Write")
