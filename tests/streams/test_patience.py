"""What passes is asked again, what doesn't is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiokafka.errors import (
    KafkaError,
    NodeNotReadyError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from streams import patience
from streams.patience import once_heard_of, patiently


def failing(times: int, error: KafkaError) -> tuple[Callable[[], Awaitable[str]], list[int]]:
    """A question that fails so often, and its calls."""
    calls: list[int] = []

    async def ask() -> str:
        calls.append(len(calls))
        if len(calls) <= times:
            raise error
        return "answer"

    return ask, calls


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE_S", 0.001)
    monkeypatch.setattr(patience, "NOT_YET_S", (0.001, 0.001))


async def test_it_is_asked_again() -> None:
    ask, calls = failing(3, NodeNotReadyError())
    assert await patiently(ask) == "answer"
    assert len(calls) == 4


async def test_patience_ends() -> None:
    ask, calls = failing(10**6, NodeNotReadyError())
    with pytest.raises(NodeNotReadyError):
        await patiently(ask, within_s=0.05)
    assert len(calls) > 1


async def test_a_refusal_is_final() -> None:
    ask, calls = failing(1, TopicAuthorizationFailedError())
    with pytest.raises(TopicAuthorizationFailedError):
        await patiently(ask)
    assert len(calls) == 1


async def test_a_topic_may_be_too_new_to_be_known() -> None:
    ask, calls = failing(2, UnknownTopicOrPartitionError())
    assert await once_heard_of(ask) == "answer"
    assert len(calls) == 3


async def test_a_topic_that_stays_unknown_is_told() -> None:
    ask, calls = failing(10**6, UnknownTopicOrPartitionError())
    with pytest.raises(UnknownTopicOrPartitionError):
        await once_heard_of(ask)
    assert len(calls) == 3


async def test_only_an_unknown_topic_is_asked_for_again() -> None:
    ask, calls = failing(1, NodeNotReadyError())
    with pytest.raises(NodeNotReadyError):
        await once_heard_of(ask)
    assert len(calls) == 1
