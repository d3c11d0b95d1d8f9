"""What a person sees of a letter can't do anything to the terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.letters_view import escaped, letter_lines, moment, readable, shown
from schemas.dead_letter import DeadLetter, Header
from streams.redrive.mark import Place, marked


@given(text=st.text())
def test_nothing_but_printable_text_comes_out(text: str) -> None:
    assert escaped(text).isprintable()


@given(value=st.binary())
def test_every_value_can_be_shown(value: bytes) -> None:
    assert all(char.isprintable() or char in "\n\t" for char in shown(value))


def test_how_values_are_shown() -> None:
    assert readable(b'{"a": [1, "\\u001b"]}') == '{\n  "a": [\n    1,\n    "\\u001b"\n  ]\n}'
    assert readable(b"plain \x1b[31m text") == "plain \\x1b[31m text"
    assert readable(b"\xff") is None
    assert shown(bytes(range(0xF8, 0x100))) == "f8f9fafb fcfdfeff"
    assert shown(None) == "(none)"
    assert shown(b"[" * 100_000).startswith("[[[")


@given(at=st.integers(-(2**63), 2**63))
def test_every_instant_can_be_shown(at: int) -> None:
    assert moment(at)


def test_a_letter_tells_all() -> None:
    letter = DeadLetter(
        topic="queries",
        partition=1,
        offset=5,
        timestamp_at=0,
        key=b"k\x1b",
        value=b"v",
        headers=[Header(name="n\x07", value=b"\xff")],
        stage="router",
        error="bad \u202e",
        failed_at=60_000,
    )
    first = marked(Place(0, 3), letter)
    headers = [Header(name=name, value=value) for name, value in first]
    again = DeadLetter(
        **{name: getattr(letter, name) for name in ("topic", "partition", "offset", "key")},
        **{name: getattr(letter, name) for name in ("value", "stage", "error", "failed_at")},
        timestamp_at=9,
        headers=headers,
        redrives=1,
    )
    told = "\n".join(letter_lines(Place(2, 8), again))
    for part in ("2@8", "queries 1@5", "1970-01-01 00:01:00", "router", "bad \\u202e", "k\\x1b"):
        assert part in told
    for part in ("n\\x07: ff", "before     letter 0@3", "redrives   1", "zeta-redrives: 1"):
        assert part in told
