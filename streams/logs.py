"""A role's log lines: text for people, or one JSON object per line for machines.

Whatever the format, secrets are taken out of the whole line, exceptions and all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import msgspec

from streams.tracing import CURRENT

LogFormat: TypeAlias = Literal["json", "text"]

Scrub: TypeAlias = Callable[[str], str]

TEXT = "%(asctime)s %(levelname)-7s {role}: %(message)s"


class TextFormatter(logging.Formatter):
    """Time, level, role, message; an exception on lines of its own."""

    def __init__(self, role: str, scrub: Scrub) -> None:
        super().__init__(TEXT.format(role=role.replace("%", "%%")))
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        """The lines, without secrets."""
        return self._scrub(super().format(record))


class JsonFormatter(logging.Formatter):
    """One object: ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``role``, ``message``.

    While a record is handled also ``query_id``, ``trace_id`` and ``record`` (topic, partition and
    offset), as far as there are such; with an exception ``exception``, its text.
    """

    def __init__(self, role: str, scrub: Scrub) -> None:
        super().__init__()
        self._role = role
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        """The line, without secrets."""
        fields = {
            "time": rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "role": self._role,
            "message": self._scrub(record.getMessage()),
            **_of_work(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            fields["exception"] = self._scrub(self.formatException(record.exc_info))
        return msgspec.json.encode(
            {key: _writable(value) for key, value in fields.items()}
        ).decode()


def _of_work() -> dict[str, str]:
    work = CURRENT.get()
    if work is None:
        return {}
    facts = {"query_id": work.query_id(), "trace_id": work.trace_id(), "record": work.place()}
    return {name: fact for name, fact in facts.items() if fact is not None}


def _writable(text: str) -> str:
    """Without halves of surrogate pairs, which no JSON may have."""
    return text.encode(errors="replace").decode()


def rfc3339(moment_s: float) -> str:
    """A Unix time in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(moment_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def formatter(form: LogFormat, role: str, scrub: Scrub) -> logging.Formatter:
    """The formatter of a role's process."""
    return JsonFormatter(role, scrub) if form == "json" else TextFormatter(role, scrub)
