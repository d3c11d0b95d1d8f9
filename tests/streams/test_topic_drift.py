"""What counts as drift, for clusters that a test can't start: several brokers, or some down."""

from __future__ import annotations

import pytest

from streams.settings import Settings
from streams.topic_drift import FoundTopic, report, wanted_topics

KEY = "min.insync.replicas"


@pytest.mark.parametrize(
    ("brokers", "replication", "in_sync"), [(1, 1, 1), (2, 2, 2), (3, 3, 2), (9, 3, 2)]
)
def test_replicas_are_as_set_or_what_the_brokers_allow(
    brokers: int, replication: int, in_sync: int
) -> None:
    for topic in wanted_topics(Settings(), brokers):
        assert (topic.replication, topic.configuration[KEY]) == (replication, str(in_sync))


@pytest.mark.parametrize(
    ("brokers", "replication", "in_sync", "differences"),
    [
        (3, 3, "2", ()),
        (1, 3, "2", ()),  # two of three are down
        (3, 1, "1", ("replication: expected 3, found 1", f"{KEY}: expected 2, found 1")),
        (3, 4, "2", ("replication: expected 3, found 4",)),
        (3, 3, "3", (f"{KEY}: expected 2, found 3",)),
        (3, 3, None, (f"{KEY}: expected 2, found None",)),
    ],
)
def test_a_cluster_with_brokers_down_has_not_drifted(
    brokers: int, replication: int, in_sync: str | None, differences: tuple[str, ...]
) -> None:
    wanted = wanted_topics(Settings(), brokers)[0]
    found = FoundTopic(wanted.partitions, replication, ready=True)
    row = report(wanted, found, {**wanted.configuration, KEY: in_sync})
    assert row.differences == differences
    assert row.state == ("differs" if differences else "ok")
