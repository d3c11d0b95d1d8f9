"""A server's words without what we sent it."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.model_error import ModelError
from agents.scrubbing import REMOVED, Scrubber

TOKEN = "sk-Zeta/+9:very=secret"
tokens = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)


@given(token=tokens, before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_no_form_of_a_token_stays(token: str, before: bytes, after: bytes) -> None:
    scrub = Scrubber(token).text
    assert token not in scrub(f"bad token Bearer {token}, sorry")
    assert quote(token, safe="") not in scrub(f"/x?key={quote(token, safe='')}&")
    whole = before + token.encode() + after
    for digits in (base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
        kept = scrub(f"got {digits.decode()}!")
        assert kept != f"got {digits.decode()}!"
        assert len(kept) <= len("got !") + len(REMOVED) + 2 * (len(before) + len(after)) + 12


@given(token=tokens, length=st.integers(4, 40))
def test_a_token_that_is_cut_off_goes_too(token: str, length: int) -> None:
    part = token[:length]
    assert not Scrubber(token).text(f"you sent {part}").endswith(part)


def test_other_words_stay() -> None:
    text = "the model is overloaded: try again in 3 s"
    assert Scrubber(TOKEN).text(text) == text
    assert Scrubber(None).text(TOKEN) == TOKEN
    assert Scrubber("a").text("banana") == "banana"


def test_an_error_keeps_its_kind() -> None:
    error = ModelError("overloaded", f"x{TOKEN}y", 2.5)
    after = Scrubber(TOKEN).error(error)
    assert (after.kind, after.message, after.retry_after_s) == ("overloaded", "x[secret]y", 2.5)
    assert TOKEN not in repr(after)


@pytest.mark.parametrize("length", range(480, 500))
def test_a_message_that_was_shortened_within_the_token(length: int) -> None:
    after = Scrubber(TOKEN).error(ModelError("rejected", "." * length + TOKEN * 2))
    assert TOKEN[:4] not in after.message
