"""What waits is done in the order in which it came, what comes meanwhile included."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from agents.gate import Gate


async def test_order_before_while_and_after_it_opens() -> None:
    gate, done = Gate(), list[str]()

    def note(name: str, then: str = "") -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            if then:
                await gate.enter(note(then))
            done.append(name)

        return work

    await gate.enter(note("first", then="meanwhile"))
    await gate.enter(note("second"))
    assert not done
    await gate.open()
    await gate.enter(note("after"))
    assert done == ["first", "second", "meanwhile", "after"]
