"""When each record is due, in seconds after the first."""

from __future__ import annotations

from typing import Protocol

from streams.replay.problem import ReplayUsageError


class Pace(Protocol):
    """Told of each record that is sent, in order."""

    def due_s(self, timestamp: int) -> float:
        """When the next record, of this time (Unix ms), is due, in seconds after the first."""
        ...


class AtOnce:
    """As fast as possible."""

    def due_s(self, timestamp: int) -> float:  # noqa: ARG002
        """See ``Pace``."""
        return 0.0


class AtRate:
    """So many records per second, over all partitions."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._count = 0

    def due_s(self, timestamp: int) -> float:  # noqa: ARG002
        """See ``Pace``."""
        due_s = self._count / self._per_s
        self._count += 1
        return due_s


class AtSpeed:
    """So many times as fast as recorded; what is older than the one before it is due at once."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._first: int | None = None

    def due_s(self, timestamp: int) -> float:
        """See ``Pace``."""
        if self._first is None:
            self._first = timestamp
        return max(0.0, (timestamp - self._first) / 1000 / self._speed)


def pace_of(speed: float | None, rate: float | None) -> Pace:
    """The pace of ``--speed`` or ``--rate``; of neither, as fast as possible.

    Raises:
        ReplayUsageError: both were given, or one isn't positive.
    """
    if speed is not None and rate is not None:
        raise ReplayUsageError("--speed and --rate exclude each other: name one")
    for name, value in (("--speed", speed), ("--rate", rate)):
        if value is not None and not 0 < value < float("inf"):
            raise ReplayUsageError(f"{name} {value:g}: must be more than 0")
    if speed is not None:
        return AtSpeed(speed)
    return AtOnce() if rate is None else AtRate(rate)
