"""Dead letters for a person. What others wrote is escaped: it can't move a terminal's cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from rich.table import Table
from rich.text import Text

from agents.viewing import NOTHING
from schemas.dead_letter import DeadLetter
from streams.redrive.letters import Brief
from streams.redrive.mark import Place, mark_of
from streams.redrive.planning import Outcome

LONGEST_CELL = 60
HEX_LINE_BYTES = 32


def escaped(text: str, keep: str = "") -> str:
    r"""The text with what isn't printable (controls, escapes, marks of direction) as ``\x1b``."""
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode()
        for char in text
    )


def moment(at_ms: int) -> str:
    """An instant, UTC, to the second; one that no calendar has as its number."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(at_ms)


def _short(text: str) -> str:
    text = escaped(text)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def list_table(letters: Sequence[Brief]) -> Table | Text:
    """One row per letter."""
    if not letters:
        return Text("no dead letters")
    table = Table("letter", "record", "stage", "failed (UTC)", "redrives", "key", "error")
    for one in letters:
        source = f"{escaped(one.topic)} {one.partition}@{one.offset}"
        key = NOTHING if one.key is None else _short(one.key)
        cells = (one.letter, source, escaped(one.stage), moment(one.failed_at), str(one.redrives))
        table.add_row(*(Text(cell) for cell in (*cells, key, _short(one.error))))
    return table


def readable(value: bytes) -> str | None:
    """JSON indented, other UTF-8 text as it is, both escaped; None: it is neither."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    with suppress(msgspec.DecodeError, RecursionError):
        text = msgspec.json.format(text, indent=2)
    return escaped(text, keep="\n\t")


def shown(value: bytes | None) -> str:
    """A value for a person: text where it is text, else lines of hexadecimal digits."""
    if value is None:
        return "(none)"
    text = readable(value)
    if text is not None:
        return text
    steps = range(0, len(value), HEX_LINE_BYTES)
    return "\n".join(value[start : start + HEX_LINE_BYTES].hex(" ", 4) for start in steps)


def letter_lines(place: Place, letter: DeadLetter) -> Iterator[str]:
    """All of one letter."""
    yield f"letter     {place}"
    yield f"record     {escaped(letter.topic)} {letter.partition}@{letter.offset}"
    yield f"sent       {moment(letter.timestamp_at)} UTC"
    yield f"failed     {moment(letter.failed_at)} UTC at {escaped(letter.stage)}"
    yield f"redrives   {letter.redrives}"
    if (mark := mark_of((one.name, one.value) for one in letter.headers)) is not None:
        yield f"before     letter {mark.partition}@{mark.offset}"
        yield f"first sent {moment(mark.timestamp)} UTC"
    yield f"error      {escaped(letter.error)}"
    yield f"key        {shown(letter.key)}"
    for header in letter.headers:
        yield f"header     {escaped(header.name)}: {shown(header.value)}"
    size = "none" if letter.value is None else f"{len(letter.value)} bytes"
    if letter.cut:
        size = "too large to be kept here, as are key and headers"
    yield f"value      {size}"
    if letter.value is not None:
        yield shown(letter.value)


def outcome_table(outcomes: Iterable[Outcome]) -> Table:
    """What became of each letter."""
    table = Table("letter", "onto", "status", "why")
    for one in outcomes:
        cells = (one.letter, f"{escaped(one.topic)} {one.partition}", one.status, one.why or "")
        table.add_row(*(Text(cell) for cell in cells))
    return table
