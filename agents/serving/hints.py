"""What a client says in headers of ours: task, session, time limit. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from agents.serving.refusals import Refusal

TASK, SESSION, TIME_LIMIT = "x-zeta-task", "x-zeta-session", "x-zeta-time-limit-s"
LONGEST_S = 86_400.0
LONGEST_SESSION = 1000


@dataclass(frozen=True)
class Hints:
    """None where nothing was said."""

    task: str | None = None
    session: str | None = None
    time_limit_s: float | None = None


def read_hints(headers: Mapping[str, str]) -> Hints:
    """The hints of a request.

    Raises:
        Refusal: 400, one that can't be used.
    """
    return Hints(
        task=headers.get(TASK) or None,
        session=_session(headers.get(SESSION)),
        time_limit_s=_time_limit_s(headers.get(TIME_LIMIT)),
    )


def _session(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    text = text.strip()
    if len(text) > LONGEST_SESSION or not text.isprintable():
        problem = f"must be at most {LONGEST_SESSION} characters that can be seen"
        raise Refusal(400, "invalid_value", f"{SESSION} {problem}", param=SESSION)
    return text


def _time_limit_s(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST_S:
        problem = f"must be a number of seconds above 0, at most {LONGEST_S:g}"
        raise Refusal(400, "invalid_value", f"{TIME_LIMIT} {problem}", param=TIME_LIMIT)
    return seconds
