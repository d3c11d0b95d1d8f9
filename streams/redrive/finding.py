"""Letters as the broker has them now."""

from __future__ import annotations

from collections.abc import Collection

from schemas.dead_letter import DeadLetter
from streams.dead_letters import TOPIC
from streams.history import open_history
from streams.redrive.letters import Brief, Selection, brief, read_letters
from streams.redrive.mark import Place
from streams.settings import Kafka


async def find_letters(
    kafka: Kafka, selection: Selection, places: Collection[Place] | None = None
) -> tuple[list[Brief], int]:
    """The letters that are meant, oldest first, and how many records there are none.

    Raises:
        TopicMissingError: there is no such topic.
    """
    found, unreadable = [], 0
    async with open_history(kafka, [TOPIC]) as log:
        async for place, letter in read_letters(log, places):
            if letter is None:
                unreadable += 1
            elif selection.takes(letter):
                found.append(brief(place, letter))
    return selection.newest(found), unreadable


async def find_letter(kafka: Kafka, place: Place) -> DeadLetter | None:
    """The letter that is there; None: none is.

    Raises:
        TopicMissingError: there is no such topic.
    """
    async with open_history(kafka, [TOPIC]) as log:
        async for kept in read_letters(log, [place]):
            return kept.letter
    return None
