"""The answer's process: runs its code, and calls its functions when the tests' process asks."""

from __future__ import annotations

import os
import types
from typing import Any

from agents.graders.inside.peer import ChannelClosed, Peer

MODULE = "answer"


def silence(*descriptors: int) -> None:
    """Has these descriptors lead nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def load(prelude: str, answer: str) -> list[dict[str, Any]]:
    """Runs both in one namespace and says what they define: values, modules, exception classes.

    An exception class is given by the names of its bases: the tests' side makes one like it,
    since only a class of its own can stand after ``except``.
    """
    module = types.ModuleType(MODULE)
    for source in (prelude, answer):
        exec(compile(source, MODULE, "exec"), module.__dict__)  # noqa: S102 - what this is for
    named = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    modules = {n: v.__name__ for n, v in named.items() if isinstance(v, types.ModuleType)}
    exceptions = {
        name: [kind.__qualname__ for kind in value.__mro__]
        for name, value in named.items()
        if isinstance(value, type) and issubclass(value, BaseException)
    }
    values = {n: v for n, v in named.items() if n not in modules and n not in exceptions}
    return [values, modules, exceptions]


def main() -> None:
    """Serves the channel on descriptor 0; the answer finds nothing to read or to print to."""
    channel = os.dup(0)
    os.set_inheritable(channel, False)
    silence(0, 1, 2)
    peer = Peer(channel, lambda _op, _args: None)
    peer.export(load)
    peer.send({"hello": True})
    try:
        peer.serve()
    except ChannelClosed:
        return
