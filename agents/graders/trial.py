"""One answer against its tests: two sandboxes, one for each, and a channel between them."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass

import msgspec

from agents.graders.grade import GradeError
from agents.graders.sandbox import INSTALL, Limits, SandboxUnavailableError, started

_COMPLAINT_BYTES = 2000


@dataclass(frozen=True)
class Job:
    """``prelude`` and ``answer`` run in one namespace; each of ``tests`` in one of its own."""

    prelude: str
    answer: str
    tests: tuple[str, ...]


class _Verdicts:
    """What the tests' process says, each read with a deadline."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def next(self, until: float, size: int = 1) -> bytes:
        """Up to ``size`` bytes; none at the end, or when the time is up."""
        self._channel.settimeout(max(1e-3, until - time.monotonic()))
        try:
            return self._channel.recv(size)
        except (TimeoutError, ConnectionError):
            return b""

    def results(self, count: int, until: float) -> list[bool]:
        """Which tests passed; those that weren't reached didn't."""
        said = b""
        while len(said) < count and (part := self.next(until, count - len(said))):
            said += part
        passed = [mark == ord("1") for mark in said.split(b".")[0]]
        return passed + [False] * (count - len(passed))


def _complaint(descriptor: int) -> str:
    """What the sandbox wrote while it tried to start."""
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, _COMPLAINT_BYTES).decode(errors="replace").strip()
    except BlockingIOError:
        return ""


def _unavailable(descriptor: int, start_s: float) -> SandboxUnavailableError:
    why = _complaint(descriptor) or f"no sandbox was ready within {start_s:g} s"
    return SandboxUnavailableError(
        f"code can't be graded: {why.splitlines()[-1]}; it is never run without a sandbox: "
        f"{INSTALL} and let this user make user namespaces (docker: a seccomp and AppArmor "
        "profile that allows them; Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0)"
    )


def _send(channel: socket.socket, job: Job, timeout_s: float) -> None:
    channel.settimeout(timeout_s)
    try:
        channel.sendall(msgspec.json.encode(job) + b"\n")
    except (TimeoutError, ConnectionError):
        return  # it is dead: the first read says so


def _ask(channel: socket.socket, job: Job, limits: Limits, complaints: int) -> list[bool]:
    verdicts = _Verdicts(channel)
    until = time.monotonic() + limits.start_s
    _send(channel, job, limits.start_s)
    first = verdicts.next(until)
    if first == b"E":
        words = verdicts.next(until, _COMPLAINT_BYTES).decode(errors="replace")
        raise GradeError(f"reference.value's tests are no Python: {words}")
    if first != b"R":
        raise _unavailable(complaints, limits.start_s)
    return verdicts.results(len(job.tests), time.monotonic() + limits.wall_s)


def run(job: Job, limits: Limits, system_calls: bytes | None = None) -> list[bool]:
    """Which of the tests pass. Blocks for at most ``start_s`` + ``wall_s`` and a moment.

    Every process is dead when it returns. An answer that breaks a limit fails the tests from
    there on. ``system_calls`` is the sandboxes' filter, the usual one when None.

    Raises:
        GradeError: the tests don't compile.
        SandboxUnavailableError: no sandbox; nothing was run.
    """
    with ExitStack() as stack:
        mine, judges = map(stack.enter_context, socket.socketpair())
        asking, asked = map(stack.enter_context, socket.socketpair())
        complaints, complain = os.pipe()
        stack.callback(os.close, complaints)
        with os.fdopen(complain, "wb"), judges, asking, asked:
            stack.enter_context(
                started(
                    limits,
                    "candidate",
                    stdin=asked.fileno(),
                    stderr=complain,
                    system_calls=system_calls,
                )
            )
            stack.enter_context(
                started(
                    limits,
                    "judge",
                    stdin=judges.fileno(),
                    stderr=complain,
                    channel=asking.fileno(),
                    system_calls=system_calls,
                )
            )
        return _ask(mine, job, limits, complaints)
