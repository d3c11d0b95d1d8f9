"""``--filter``: a table of comparisons, and anything at all."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.replay.filtering import Term, matcher, parse_term
from streams.replay.problem import ReplayUsageError

EVENT = (
    b'{"task": "code", "n": 3, "x": 1.5, "ok": true, "none": null, "one": 1, "id": "17",'
    b' "decision": {"model": "small", "eligible": ["a", "b"]}, "text": "a=b !"}'
)


def holds(text: str, value: bytes | None = EVENT) -> bool:
    found = matcher([text])
    assert found is not None
    return found(value)


@pytest.mark.parametrize(
    "text",
    [
        "task=code",
        'task="code"',
        " task = code ",
        "task!=x",
        "task>a",
        "task<=code",
        "n=3",
        "n=3.0",
        "n>=3",
        "n<4",
        "x>1",
        "ok=true",
        "one=1",
        "one!=true",
        "none=null",
        "absent=null",
        "task!=null",
        "absent!=x",
        "id=17",
        'id="17"',
        "id>12",
        "decision.model=small",
        "decision.eligible.1=b",
        "decision.eligible.2=null",
        'decision.eligible=["a","b"]',
        "task.deeper=null",
        "text=a=b !",
    ],
)
def test_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    ["task=Code", "task=", "n=4", "n>3", "ok=1", "ok>0", "one=true", "absent<1", "task<3x",
     "decision.model!=small", "decision>1", "none>0", "n>two", "task=null", "absent=x"],
)  # fmt: skip
def test_does_not_hold(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("text", ["task!=code", "absent=null"])
def test_what_is_no_json_never_matches(value: bytes | None, text: str) -> None:
    assert not holds(text, value)


def test_several_must_all_hold_and_none_is_no_filter() -> None:
    both = matcher(["task=code", "n>2"])
    assert both is not None
    assert both(EVENT)
    assert not both(b'{"task": "code", "n": 1}')
    assert matcher([]) is None


@pytest.mark.parametrize("text", ["", "task", "=code", "a..b=1", ".a=1", "a b=1", "a~b", "a==1"])
def test_what_is_no_comparison_is_told(text: str) -> None:
    with pytest.raises(ReplayUsageError, match="--filter"):
        parse_term(text)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.binary() | JSON.map(msgspec.json.encode), st.text())
def test_it_never_raises(value: bytes, text: str) -> None:
    try:
        term = parse_term(text)
    except ReplayUsageError:
        return
    assert isinstance(term, Term)
    assert isinstance(holds(text, value), bool)


@given(JSON)
def test_a_value_equals_itself_as_json(value: Any) -> None:
    text = f"v={msgspec.json.encode(value).decode()}"
    event = msgspec.json.encode({"v": value})
    assert holds(text, event)
    assert not holds(text.replace("=", "!=", 1), event)
