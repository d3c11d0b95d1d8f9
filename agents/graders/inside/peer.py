"""One end of the channel between the tests and the answer: asks, and does what it is asked.

A frame is four bytes of length and JSON: a request ``{"op", "args", "keywords"}`` or its reply
``{"value", "args"}`` or ``{"error", "text"}``. A side that waits for a reply serves requests
meanwhile, so a test may pass a function to the answer.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from typing import Any, NoReturn

from agents.graders.inside.operations import OPERATIONS
from agents.graders.inside.remote import ABSENT, Remote
from agents.graders.inside.wire import decode, encode

LARGEST_FRAME_BYTES = 32 * 1024 * 1024

Guard = Callable[[str, tuple[Any, ...]], None]
Raiser = Callable[[list[str], str], BaseException]

_MUTABLE = (list, dict, set, bytearray)
_SUBCLASSED = (int, float, str, bytes, list, tuple, dict, set, frozenset)


class ChannelClosed(BaseException):
    """The other side is gone, or sent what is no frame."""


def _error(names: list[str], text: str) -> BaseException:
    return RuntimeError(f"{names[0]}: {text}")


def _refill(old: Any, new: Any) -> None:
    """Makes a mutable argument what the call made of its copy."""
    if isinstance(old, list | bytearray):
        old[:] = new
    elif isinstance(old, dict | set):
        old.clear()
        old.update(new)


def _plain_base(value: Any) -> Any:
    """A subclass's value as its plain base type; ABSENT where there is none."""
    base = next((base for base in _SUBCLASSED if isinstance(value, base)), None)
    return ABSENT if base is None else base(value)


class Peer:
    """``guard`` refuses requests by raising; ``raiser`` makes the exception for an error reply."""

    def __init__(self, channel: int, guard: Guard) -> None:
        self.closed = False
        self.raiser: Raiser = _error
        self._channel, self._guard = channel, guard
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._remotes: dict[int, Remote] = {}

    def export(self, value: Any) -> int:
        """The number by which the other side may ask for this object, which is kept alive."""
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        return self._numbers[id(value)]

    def request(self, op: str, *args: Any, **keywords: Any) -> Any:
        """Has the other side do it, and returns what it returned or raises what it raised.

        Lists, dicts, sets and bytearrays among the arguments are changed as they were there.
        """
        packed = {name: self._encode(value) for name, value in keywords.items()}
        self.send({"op": op, "args": [self._encode(arg) for arg in args], "keywords": packed})
        while "op" in (reply := self.receive()):
            self._serve(reply)
        if "error" in reply:
            raise self.raiser(reply["error"], reply["text"])
        for old, new in zip(args, reply["args"], strict=True):
            if type(old) in _MUTABLE:
                _refill(old, self._decode(new))
        return self._decode(reply["value"])

    def serve(self) -> None:
        """Does what the other side asks, until it is gone."""
        while True:
            self._serve(self.receive())

    def send(self, frame: dict[str, Any]) -> None:
        """Sends one frame."""
        text = json.dumps(frame).encode()
        data = memoryview(struct.pack(">I", len(text)) + text)
        try:
            while data:
                data = data[os.write(self._channel, data) :]
        except OSError as error:
            self._close(error)

    def receive(self) -> dict[str, Any]:
        """The next frame."""
        (size,) = struct.unpack(">I", self._read(4))
        if size > LARGEST_FRAME_BYTES:
            self._close(None)
        frame = json.loads(self._read(size))
        if not isinstance(frame, dict):
            self._close(None)
        return frame

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                part = os.read(self._channel, size - len(data))
            except OSError as error:
                self._close(error)
            if not part:
                self._close(None)
            data += part
        return bytes(data)

    def _close(self, cause: OSError | None) -> NoReturn:
        self.closed = True
        raise ChannelClosed from cause

    def _serve(self, frame: dict[str, Any]) -> None:
        self.send(self._result(frame))

    def _result(self, frame: dict[str, Any]) -> dict[str, Any]:
        try:
            args = [self._decode(arg) for arg in frame["args"]]
            keywords = {name: self._decode(value) for name, value in frame["keywords"].items()}
            self._guard(frame["op"], tuple(args))
            value = OPERATIONS[frame["op"]](*args, **keywords)
            changed = [self._encode(arg) if type(arg) in _MUTABLE else None for arg in args]
            return {"value": self._encode(value), "args": changed}
        except ChannelClosed:
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code: SystemExit is an answer too
            return {
                "error": [kind.__qualname__ for kind in type(error).__mro__],
                "text": str(error),
            }

    def _encode(self, value: Any) -> Any:
        return encode(value, self._refer)

    def _decode(self, packed: Any) -> Any:
        return decode(packed, self._resolve)

    def _refer(self, value: Any) -> list[Any]:
        if isinstance(value, Remote):
            return ["own", value._number]
        base = _plain_base(value)
        number = self.export(value)
        return ["ref", number] if base is ABSENT else ["ref", number, self._encode(base)]

    def _resolve(self, packed: list[Any]) -> Any:
        tag, number, *rest = packed
        if tag == "own":
            return self._objects[number]
        if tag != "ref":
            raise ValueError(f"no value begins with {tag!r}")
        if rest or number not in self._remotes:
            plain = self._decode(rest[0]) if rest else ABSENT
            self._remotes[number] = Remote(self, number, plain)
        return self._remotes[number]
