"""Time in proportion to the input: no text may hold up a stage, however it repeats itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from agents.graders.choice import chosen
from agents.graders.code import source
from agents.graders.exact import normalise
from agents.graders.json_schema import parsed
from agents.graders.numeric import last_number
from agents.judging import score_in
from agents.simulation.draw import right_text

PIECES = (
    *(" ", "\n", "\t", "(", "*", "_", "-", "`", "'", '"', ".", "1", "9,", ",999", "1e", "1.", "A "),
    *(
        "option ",
        "answer ",
        "answer is",
        " is",
        "answer\t\t",
        "the answer is ",
        r"\boxed{",
        "choice (A",
    ),
    *(
        "```\n",
        "```json\n",
        "sim-answer: a  ",
        "sim-task: ",
        "1 + ",
        "\u0315\u0300",
        "é",
        "＂",
        "ﷺ",
    ),
)
AFFIXES = (("", ""), ("answer", "x"), ("```\nsim-answer: a", "b"))
READERS: dict[str, Callable[[str], object]] = {
    "choice": lambda text: chosen(text, ("foo", "bar")),
    "code": source,
    "exact": normalise,
    "numeric": last_number,
    "judge": score_in,
    "simulated": right_text,
}
REPEATED = 20_000
LONGEST_S = 0.5
"""Of this process's own time. What grows with the square of the length took 1 to 90 s here."""


@pytest.mark.parametrize("reader", READERS)
def test_no_text_takes_long_however_it_repeats_itself(reader: str) -> None:
    for piece in PIECES:
        for before, after in AFFIXES:
            text = before + piece * REPEATED + after
            started = time.process_time()
            READERS[reader](text)
            assert time.process_time() - started < LONGEST_S, (piece, before, after)


def test_json_in_fences() -> None:
    for piece in PIECES:
        with pytest.raises(ValueError, match="JSON"):
            parsed("```\n" + piece * 100_000 + "x")
