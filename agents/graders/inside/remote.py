"""An object that the other side holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents.graders.inside.operations import ARITHMETIC, COMPARISONS, ITEMS, PLAIN

if TYPE_CHECKING:
    from agents.graders.inside.peer import Peer

ABSENT = object()


class Remote:
    """Stands for it: calls, attributes and operators are done where the object is.

    It can't pass itself off as plain data. Against plain data it compares as the plain value
    that came with it (a named tuple's, say), or as unequal to all, whatever its own ``__eq__``
    would say; and arithmetic with plain data must not give plain data.
    """

    def __init__(self, peer: Peer, number: int, plain: Any = ABSENT) -> None:
        self.__dict__.update(_peer=peer, _number=number, _plain=plain)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._peer.request("call", self, *args, **keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__name__":
            raise AttributeError(name)
        return self._peer.request("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._peer.request("setattr", self, name, value)

    def __instancecheck__(self, other: Any) -> bool:
        return isinstance(other, Remote) and bool(self._peer.request("isinstance", other, self))

    def __neg__(self) -> Any:
        return self._peer.request("neg", self)

    def __enter__(self) -> Any:
        return self._peer.request("enter", self)

    def __exit__(self, *_: object) -> None:
        self._peer.request("exit", self)


def plain(value: Any) -> Any:
    """The plain data behind a value; ABSENT behind a remote object that has none."""
    return value._plain if isinstance(value, Remote) else value


def _forwarding(name: str) -> Callable[..., Any]:
    def forward(self: Remote, *args: Any) -> Any:
        return self._peer.request(name, self, *args)

    return forward


def _comparing(name: str) -> Callable[[Remote, Any], Any]:
    def compare(self: Remote, other: Any) -> Any:
        if isinstance(other, Remote):
            return self._peer.request(name, self, other)
        mine = plain(self)
        return NotImplemented if mine is ABSENT else getattr(mine, f"__{name}__")(other)

    return compare


def _calculating(name: str) -> Callable[[Remote, Any], Any]:
    def calculate(self: Remote, other: Any) -> Any:
        result = self._peer.request(name, self, other)
        if isinstance(other, Remote) or isinstance(result, Remote):
            return result
        return NotImplemented

    return calculate


def _forward_operators() -> None:
    for name in (*PLAIN[:-1], *ITEMS):
        setattr(Remote, f"__{name}__", _forwarding(name))
    for name in COMPARISONS:
        setattr(Remote, f"__{name}__", _comparing(name))
    for name in ARITHMETIC:
        bare = name.rstrip("_")
        setattr(Remote, f"__{bare}__", _calculating(name))
        setattr(Remote, f"__r{bare}__", _calculating(f"r{name}"))


_forward_operators()
