"""How many partitions a topic has, asked of nodes that may not have heard of it yet."""

from __future__ import annotations

from typing import Any

import pytest

from streams import tables
from streams.patience import NOT_YET_S
from streams.settings import Kafka
from streams.tables import TopicMissingError, partitions_of


class Admin:
    """Tells nothing of the topic the first ``late`` times."""

    late = 0
    asked = 0

    def __init__(self, **_: Any) -> None:
        """Takes what the real one takes."""

    async def start(self) -> None:
        """Nothing to start."""

    async def close(self) -> None:
        """Nothing to close."""

    async def describe_topics(self, _: list[str]) -> list[dict[str, Any]]:
        """Two partitions, or none yet."""
        type(self).asked += 1
        known = type(self).asked > type(self).late
        rows = [{"partition": 1}, {"partition": 0}] if known else []
        return [{"error_code": 0 if known else 3, "partitions": rows}]


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> type[Admin]:
    monkeypatch.setattr(tables, "AIOKafkaAdminClient", Admin)
    monkeypatch.setattr(Admin, "asked", 0)
    return Admin


async def test_a_node_that_has_not_heard_of_it_is_asked_again(
    admin: type[Admin], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "late", len(NOT_YET_S))
    found = await partitions_of(Kafka(), "queries")
    assert [row.partition for row in found] == [0, 1]


async def test_a_topic_that_nobody_has_heard_of_is_missing(
    admin: type[Admin], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "late", 1000)
    with pytest.raises(TopicMissingError, match="queries does not exist"):
        await partitions_of(Kafka(), "queries")
    assert admin.asked == len(NOT_YET_S) + 1
