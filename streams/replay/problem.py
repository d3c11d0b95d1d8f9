"""What a replay can't do, in words for who asked for it."""

from __future__ import annotations


class ReplayUsageError(ValueError):
    """An argument is wrong; the message names it and says what to write."""


class ReplayError(RuntimeError):
    """The replay can't start, or ended early; the message says why and what to do."""


class TooLargeError(ReplayError):
    """A record is larger than its target takes; the message says what to do."""
