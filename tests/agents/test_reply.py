"""What a model says, as everybody downstream will read it."""

from __future__ import annotations

from typing import Any

import pytest

from agents.model_error import ModelError
from agents.printable import escaped, printable
from agents.reply import Answer, checked, counted
from schemas.response import Usage


def test_halves_of_surrogate_pairs_are_replaced_and_whole_ones_stay() -> None:
    assert checked(Answer(text="a\ud83d b")).text == "a\ufffd b"
    assert checked(Answer(text="\ud83d\ude00")).text == "\U0001f600"
    assert ModelError("rejected", "\ud83d").message == "\ufffd"


@pytest.mark.parametrize(
    "fields",
    [
        {"text": ["a"]},
        {"text": "a", "finish_reason": 7},
        {"embeddings": [{}]},
        {"embeddings": [[True]]},
        {"embeddings": [["1"]]},
        {"text": "a", "tool_calls": [{"a": "\ud83d"}]},
        {"text": "a", "usage": Usage(prompt_tokens=-1)},
    ],
)
def test_what_nobody_could_decode_is_no_answer(fields: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="bad_answer"):
        checked(Answer(**fields))


@pytest.mark.parametrize("tokens", [-1, 2**63, True, "5", 1.5, None])
def test_a_count_of_tokens_that_is_none(tokens: Any) -> None:
    assert counted(tokens) is None


def test_what_a_terminal_would_obey_is_shown() -> None:
    assert printable("a\x1b[2J\x9b\u202eb\n\tc") == "a\\x1b[2J\\x9b\\u202eb\n\tc"
    assert escaped('"\x9b\u202eé"') == '"\\u009b\\u202eé"'
