"""The tests' process: runs them against an answer that lives in another sandbox.

The verdict leaves from here, where the answer's code never comes: it can end its own process,
print, patch whatever it likes, and has still only its functions' results to convince with.

It reads one line of JSON from descriptor 0 and writes there: ``E`` and words when the tests are
no Python; else ``R`` when both sides are ready, then ``1`` or ``0`` for each test, then ``.``.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import sys
import types
from typing import Any

from agents.graders.inside.candidate import silence
from agents.graders.inside.operations import ATTRIBUTES
from agents.graders.inside.peer import ChannelClosed, Peer
from agents.graders.inside.remote import Remote

MODULE = "tests"


def guard(op: str, args: tuple[Any, ...]) -> None:
    """What the answer may do with an object that a test handed to it: use it, not look inside.

    Attributes are open on instances of the tests' own classes alone, and public ones only:
    through a function's or a frame's it would get at the tests themselves.
    """
    target, *rest = args
    if op not in ATTRIBUTES:
        return
    if type(target).__module__ != MODULE or not _public(rest[0]):
        raise PermissionError(f"the answer may not {op} {rest[0]!r} of a {type(target).__name__}")


def _public(name: object) -> bool:
    return isinstance(name, str) and not name.startswith("_")


class Namespace:
    """What the answer defined, as the tests see it."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._exceptions: dict[str, type[BaseException]] = {}
        self.values: dict[str, Any] = {}

    def load(self, prelude: str, answer: str) -> None:
        """Runs the answer; raises what it raised."""
        values, modules, bases = Remote(self._peer, 0)(prelude, answer)
        for name, module in modules.items():
            if module in sys.stdlib_module_names:
                self.values[name] = importlib.import_module(module)
        for name in bases:
            self.values[name] = self._exception(name, bases)
        self.values |= values

    def fresh(self) -> dict[str, Any]:
        """A test's own globals. Python's own names stay Python's: ``abs`` isn't the answer's.

        Nor is ``__builtins__``: what came may be forged, and says what all other names are.
        """
        mine = {n: v for n, v in self.values.items() if _public(n) and not hasattr(builtins, n)}
        return {**mine, "__name__": MODULE, "__builtins__": builtins}

    def error(self, names: list[str], text: str) -> BaseException:
        """An exception like the answer's, by the names of its class and of that one's bases."""
        for name in names:
            kind = self._exceptions.get(name) or getattr(builtins, name, None)
            if isinstance(kind, type) and issubclass(kind, BaseException):
                return kind(text)
        return RuntimeError(text)

    def _exception(self, name: str, bases: dict[str, list[str]]) -> type[BaseException]:
        if name not in self._exceptions:
            own, *others = bases[name]
            base = next(n for n in others if n in bases or hasattr(builtins, n))
            parent = self._exception(base, bases) if base in bases else getattr(builtins, base)
            made: type[BaseException] = type(own, (parent,), {})
            self._exceptions[name] = self._exceptions[own] = made
        return self._exceptions[name]


def passes(test: types.CodeType, namespace: Namespace, peer: Peer) -> bool:
    """Whether a test ends without an exception, and the answer's process outlives it."""
    try:
        exec(test, namespace.fresh())  # noqa: S102 - what this is for
    except BaseException:  # noqa: BLE001 - foreign code: whatever it raises is a failure
        return False
    return not peer.closed


def _job(descriptor: int) -> dict[str, Any]:
    data = b""
    while not data.endswith(b"\n"):
        part = os.read(descriptor, 1 << 16)
        if not part:
            raise SystemExit("no job came")
        data += part
    job: dict[str, Any] = json.loads(data)
    return job


def _judged(tests: list[types.CodeType], job: dict[str, Any], peer: Peer, out: int) -> None:
    namespace = Namespace(peer)
    peer.raiser = namespace.error
    try:
        namespace.load(job["prelude"], job["answer"])
    except BaseException:  # noqa: BLE001 - the answer's own: it fails every test
        tests = []
    for test in tests:
        os.write(out, b"1" if passes(test, namespace, peer) else b"0")
    os.write(out, b".")


def main(channel: int) -> None:
    """Judges one job; ``channel`` leads to the answer's process."""
    out = os.dup(0)
    job = _job(out)
    silence(0, 1)
    try:
        tests = [compile(test, MODULE, "exec") for test in job["tests"]]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        os.write(out, f"E{error}".encode("utf-8", "replace"))
        return
    peer = Peer(channel, guard)
    try:
        peer.receive()
    except ChannelClosed:
        raise SystemExit("the answer's sandbox did not start") from None
    silence(2)
    os.write(out, b"R")
    _judged(tests, job, peer, out)
