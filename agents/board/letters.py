"""The newest dead letters, without what they hold. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from agents.board.showing import LONGEST_LABEL, LONGEST_REASON, maybe, shown
from schemas.dead_letter import DeadLetter
from streams.redrive.letters import Brief, brief
from streams.redrive.mark import Place

MOST = 200
MOST_STAGES = 50


class Letters:
    """The newest ``MOST``; ``read`` counts all that were read since the start."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, Brief]] = []
        self.read = 0

    def __len__(self) -> int:
        """How many are held: for a moment up to twice ``MOST``."""
        return len(self._kept)

    def put(self, letter: DeadLetter, place: Place, at: int) -> None:
        """Takes a letter; ``at`` is when it was put there (Unix ms)."""
        self.read += 1
        self._kept.append((at, small(brief(place, letter))))
        if len(self._kept) > 2 * MOST:
            self._kept = self._newest()

    def _newest(self) -> list[tuple[int, Brief]]:
        return sorted(self._kept, key=lambda kept: -kept[0])[:MOST]

    def view(self) -> dict[str, Any]:
        """The newest first, and how many there are of each stage among them."""
        newest = self._newest()
        stages = Counter(shown(one.stage, 80) for _, one in newest)
        return {
            "read": self.read,
            "stages": dict(stages.most_common(MOST_STAGES)),
            "letters": [_letter(at, one) for at, one in newest],
        }


def small(one: Brief) -> Brief:
    """No more of it than is shown: anybody may have written a letter, of megabytes."""
    return msgspec.structs.replace(
        one,
        topic=one.topic[: LONGEST_LABEL + 1],
        stage=one.stage[: LONGEST_LABEL + 1],
        error=one.error[: LONGEST_REASON + 1],
        key=None if one.key is None else one.key[: LONGEST_LABEL + 1],
    )


def _letter(at: int, one: Brief) -> dict[str, Any]:
    return {
        "letter": one.letter,
        "at": at,
        "topic": shown(one.topic),
        "partition": one.partition,
        "offset": one.offset,
        "stage": shown(one.stage),
        "error": shown(one.error, LONGEST_REASON),
        "redrives": one.redrives,
        "key": maybe(one.key),
        "bytes": one.value_bytes,
        "cut": one.cut,
    }
