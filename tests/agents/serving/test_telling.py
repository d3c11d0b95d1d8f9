"""A streamed text is told whole and once, whatever chunks come, and how often."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from agents.serving.telling import DivergedError, Telling
from schemas.chunk import Chunk

TEXT = "the whole answer, word by word"


def chunks(text: str, sizes: Sequence[int], attempt: int = 1) -> list[Chunk]:
    """The text in pieces of these sizes, and one with the rest."""
    found, at = [], 0
    for number, size in enumerate([*sizes, len(text)]):
        piece = text[at : at + size]
        at += size
        chunk = Chunk(query_id="q", attempt=attempt, number=number, text=piece, model="m")
        found.append(chunk)
    return found


def told(telling: Telling, given: Sequence[Chunk]) -> str:
    return "".join(map(telling.take, given))


def test_in_order_it_is_told_as_it_comes() -> None:
    telling = Telling()
    assert [telling.take(chunk) for chunk in chunks(TEXT, [3, 6])] == ["the", " whole", TEXT[9:]]
    assert telling.rest(TEXT) == ""


@pytest.mark.parametrize("cut", range(1, 5))
@pytest.mark.parametrize("attempt", [1, 2])
def test_a_run_that_is_begun_anew_is_told_from_where_the_first_ended(
    cut: int, attempt: int
) -> None:
    telling = Telling()
    first, again = chunks(TEXT, [4, 4, 4, 4]), chunks(TEXT, [2, 7, 1], attempt)
    assert told(telling, first[:cut]) + told(telling, again) == TEXT
    assert telling.rest(TEXT) == ""


def test_a_zombies_pieces_between_those_of_its_successor_change_nothing() -> None:
    telling = Telling()
    first, again = chunks(TEXT, [4, 4, 4, 4, 4]), chunks(TEXT, [4, 4, 4, 4, 4])
    mixed = [*first[:3], again[0], first[3], again[1], first[4], *again[2:]]
    assert told(telling, mixed) == TEXT


def test_a_lost_piece_is_told_with_the_answer() -> None:
    telling = Telling()
    parts = chunks(TEXT, [4, 4, 4])
    assert told(telling, [parts[0], parts[2], parts[3]]) == TEXT[:4]
    assert telling.rest(TEXT) == TEXT[4:]


def test_a_reader_that_came_late_waits_for_the_answer() -> None:
    telling = Telling()
    assert told(telling, chunks(TEXT, [4, 4])[1:]) == ""
    assert telling.rest(TEXT) == TEXT


def test_another_answer_is_never_mixed_in() -> None:
    telling = Telling()
    begun = told(telling, chunks(TEXT, [9])[:1])
    other = "the other answer"
    assert begun + told(telling, chunks(other, [4, 4])) == "the whole"
    with pytest.raises(DivergedError):
        telling.rest(other)
    assert telling.rest(TEXT) == TEXT[9:]


def test_an_older_attempt_does_not_come_back() -> None:
    telling = Telling()
    new, old = chunks(TEXT, [5], attempt=2), chunks("something else", [5], attempt=1)
    assert told(telling, [new[0], *old, new[1]]) == TEXT


def test_any_mixture_of_runs_tells_a_prefix_and_the_rest() -> None:
    draws = random.Random(7)
    for _ in range(500):
        telling = Telling()
        sizes = [[draws.randrange(1, 6) for _ in range(4)] for _ in range(3)]
        runs = [chunks(TEXT, sizes[attempt], attempt) for attempt in (1, 1, 2)]
        given = [chunk for run in runs for chunk in run if draws.random() < 0.8]
        draws.shuffle(given)
        said = told(telling, given)
        assert TEXT.startswith(said)
        assert said + telling.rest(TEXT) == TEXT


def test_two_runs_at_once_that_cut_differently_end_in_an_error_at_worst() -> None:
    draws, diverged = random.Random(8), 0
    for _ in range(500):
        telling = Telling()
        runs = [chunks(TEXT, [draws.randrange(1, 6) for _ in range(4)]) for _ in range(2)]
        given = [chunk for run in runs for chunk in run]
        draws.shuffle(given)
        said = told(telling, given)
        if TEXT.startswith(said):
            assert said + telling.rest(TEXT) == TEXT
        else:
            diverged += 1
            with pytest.raises(DivergedError):
                telling.rest(TEXT)
    assert 0 < diverged < 500
