"""What the local broker reports when it can't do what was asked."""

import re
from pathlib import Path

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class BrokerError(RuntimeError):
    """The local broker can't start, stop or be downloaded; the message says why and what helps."""


def last_lines(text: str, count: int = 20) -> str:
    """Return the last ``count`` lines of ``text`` that say something, without terminal colours."""
    lines = [line for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    return "\n".join(lines[-count:])


def log_tail(log: Path, since: int, count: int = 20) -> str:
    """Return the last ``count`` lines that ``log`` has after byte ``since``."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(since)
        return last_lines(file.read().decode(errors="replace"), count)
