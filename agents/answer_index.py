"""Which model gave which answer, and what was said of it: one partition's last days, on disk.

A cache of ``responses`` and ``feedback``: all of it can be had again by reading them. Each change
is one transaction with the position in the log that it comes from, so that after a kill it is
known what must be read again. In both tables the record of the lowest offset stays, in whatever
order they come: a redelivery finds itself, a repetition finds the first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from schemas.assignment import Decision, DecisionKind
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.response import Response

PRUNE_AT_ONCE = 1000

_TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS answers (query_id TEXT PRIMARY KEY, record INTEGER NOT NULL,
    logged_at INTEGER NOT NULL, served BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feedback (query_id TEXT, source TEXT, record INTEGER NOT NULL,
    logged_at INTEGER NOT NULL, score REAL NOT NULL, PRIMARY KEY (query_id, source)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (logged_at);
CREATE INDEX IF NOT EXISTS feedback_by_age ON feedback (logged_at);
CREATE TABLE IF NOT EXISTS positions (topic TEXT PRIMARY KEY, next INTEGER NOT NULL);
"""
_LOWEST = "DO UPDATE SET record = excluded.record, logged_at = excluded.logged_at, {value} = \
excluded.{value} WHERE excluded.record < record"
_PUT_ANSWER = f"INSERT INTO answers VALUES (?, ?, ?, ?) ON CONFLICT (query_id) \
{_LOWEST.format(value='served')}"
_PUT_FEEDBACK = f"INSERT INTO feedback VALUES (?, ?, ?, ?, ?) ON CONFLICT (query_id, source) \
{_LOWEST.format(value='score')}"
_JOINED = "SELECT a.served, a.query_id, f.source, f.score, max(a.logged_at, f.logged_at) \
FROM answers a JOIN feedback f USING (query_id) WHERE a.query_id = ? AND "


class Served(msgspec.Struct, frozen=True, array_like=True):
    """What a judgement of an answer needs to know of it."""

    attempt: int
    model: str
    task: str
    kind: DecisionKind
    propensity: float
    rule_version: int
    decided_at: int
    session: str | None = None


class LoggedAnswer(NamedTuple):
    """An answer and where it is in ``responses``; ``logged_at`` in Unix ms."""

    query_id: str
    offset: int
    logged_at: int
    served: Served


class LoggedFeedback(NamedTuple):
    """A feedback and where it is in ``feedback``; ``logged_at`` in Unix ms."""

    feedback: Feedback
    offset: int
    logged_at: int


class Joined(NamedTuple):
    """A feedback with its answer; ``met_at``: when the later of the two was written, Unix ms."""

    served: Served
    query_id: str
    source: str
    score: float
    met_at: int


def served_by(response: Response, decision: Decision) -> Served:
    """The part of an answer that is remembered."""
    return Served(
        attempt=response.attempt,
        model=decision.model,
        task=decision.task,
        kind=decision.kind,
        propensity=decision.propensity,
        rule_version=decision.rule_version,
        decided_at=decision.decided_at,
        session=response.session,
    )


def feedback_metric(joined: Joined, trust: float, pool: str) -> Metric:
    """The judgement of the model that served; the same whichever of the two came first."""
    served = joined.served
    return Metric(
        query_id=joined.query_id,
        attempt=served.attempt,
        model=served.model,
        task=served.task,
        kind="judgement",
        grader=f"feedback:{joined.source}",
        accuracy=joined.score,
        trust=trust,
        pool=pool,
        decision_kind=served.kind,
        propensity=served.propensity,
        rule_version=served.rule_version,
        session=served.session,
        decided_at=served.decided_at,
        observed_at=joined.met_at,
    )


class AnswerIndex:
    """One partition's index. Not for two processes at once: see ``agents.index_home``.

    A file that isn't a whole index is thrown away.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._open()
        except sqlite3.DatabaseError:
            self.clear()

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)  # someone may have emptied the cache
        self._db = sqlite3.connect(self._path)
        try:
            self._db.executescript(_TABLES)
        except sqlite3.DatabaseError:
            self._db.close()
            raise

    def clear(self) -> None:
        """Forgets all."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._open()

    def close(self) -> None:
        """Closes the file; what was learned is in it."""
        self._db.close()

    def position(self, topic: str) -> int:
        """All records of ``topic`` before this offset are known; 0 when none are."""
        found = self._db.execute("SELECT next FROM positions WHERE topic = ?", (topic,)).fetchone()
        return found[0] if found else 0

    def put_answers(
        self, answers: Sequence[LoggedAnswer], *, topic: str = "", position: int = 0
    ) -> None:
        """Takes answers; with ``topic``, notes that all of it before ``position`` is known now."""
        encode = msgspec.msgpack.encode
        rows = ((row.query_id, row.offset, row.logged_at, encode(row.served)) for row in answers)
        with self._db:
            self._db.executemany(_PUT_ANSWER, rows)
            self._advance(topic, position)

    def put_feedback(
        self, feedback: Sequence[LoggedFeedback], *, topic: str, position: int
    ) -> None:
        """Takes feedback, and notes that all of ``topic`` before ``position`` is known now."""
        rows = ((f.query_id, f.source, offset, at, f.score) for f, offset, at in feedback)
        with self._db:
            self._db.executemany(_PUT_FEEDBACK, rows)
            self._advance(topic, position)

    def waiting_for(self, answers: Sequence[LoggedAnswer]) -> list[Joined]:
        """The feedback that is there for those of these answers that stay."""
        return self._joined("a.record = ?", ((row.query_id, row.offset) for row in answers))

    def answered(self, feedback: Sequence[LoggedFeedback]) -> list[Joined]:
        """What of this feedback counts and has its answer; the rest waits, or is a repetition."""
        keys = ((f.query_id, f.source, offset) for f, offset, _ in feedback)
        return self._joined("f.source = ? AND f.record = ?", keys)

    def _advance(self, topic: str, position: int) -> None:
        if topic:
            self._db.execute(
                "INSERT INTO positions VALUES (?, ?) ON CONFLICT (topic) "
                "DO UPDATE SET next = max(next, excluded.next)",
                (topic, position),
            )

    def _joined(self, which: str, keys: Iterable[tuple[object, ...]]) -> list[Joined]:
        return [
            Joined(msgspec.msgpack.decode(served, type=Served), *rest)
            for key in keys
            for served, *rest in self._db.execute(_JOINED + which, key)
        ]

    def prune(self, before_at: int) -> None:
        """Drops what was written before (Unix ms); a bounded piece of it at each call."""
        for table, key in (("answers", "query_id"), ("feedback", "(query_id, source)")):
            columns = key.strip("()")
            with self._db:
                self._db.execute(
                    f"DELETE FROM {table} WHERE {key} IN "
                    f"(SELECT {columns} FROM {table} WHERE logged_at < ? LIMIT ?)",
                    (before_at, PRUNE_AT_ONCE),
                )
