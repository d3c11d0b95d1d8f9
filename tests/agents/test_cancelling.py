"""Which queries are known to be cancelled, how long, and what that ends."""

from __future__ import annotations

import asyncio

import pytest

from agents.cancelling import KEPT_S, Cancellations
from agents.model_error import ModelError
from schemas.cancellation import Cancellation


def left(query_id: str, reason: str = "") -> Cancellation:
    return Cancellation(query_id=query_id, cancelled_at=1, reason=reason)


async def never() -> str:
    await asyncio.Event().wait()
    return "unreachable"


async def soon() -> str:
    return "done"


async def test_only_the_cancelled_one_is_ended() -> None:
    known = Cancellations()
    both = [asyncio.create_task(known.unless("a", never)) for _ in range(2)]
    other = asyncio.create_task(known.unless("b", never))
    await asyncio.sleep(0)
    known.put(left("a", "timeout"))
    known.put(left("a"))
    for task in both:
        with pytest.raises(ModelError) as told:
            await task
        assert (told.value.kind, told.value.asked) == ("cancelled", True)
        assert told.value.message == "the client has left"
    assert not other.done()
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other


async def test_what_is_known_to_be_cancelled_is_not_begun() -> None:
    known = Cancellations()
    known.put(left("a", "closed"))
    with pytest.raises(ModelError) as told:
        await known.unless("a", never)
    assert (told.value.message, told.value.asked) == ("the client has left: closed", False)
    assert await known.unless("b", soon) == "done"


async def test_another_time_out_stays_one() -> None:
    async def late() -> str:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await Cancellations().unless("a", late)


async def test_it_forgets_the_oldest_and_the_old() -> None:
    now_s = 0.0
    known = Cancellations(lambda: now_s, most=2)
    for name in ("a", "b", "a", "c"):
        known.put(left(name))
    assert [known.why(name) is not None for name in ("a", "b", "c")] == [True, False, True]
    now_s = KEPT_S
    assert known.why("a") is None
    known.put(left("d"))
    assert list(known._known) == ["d"]
