"""The wire itself: what encodes comes back equal, and equal events give equal bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.control import Control
from schemas.metric import Metric
from schemas.query import Message, Parameters, Query, Reference
from schemas.routing_rule import ModelScore, ModelState, PolicyState, RoutingRule
from schemas.window_score import ModelSummary, WindowScore
from schemas.wire import INT_MAX, MILLION, Event, WireError, decode, encode, salvage_query_id

TEXT = st.text(max_size=20)
NAME = st.text(min_size=1, max_size=20)
COUNT = st.integers(0, INT_MAX)
SECONDS = st.floats(0, 1e6)
FRACTION = st.floats(0, 1)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def queries() -> st.SearchStrategy[Query]:
    messages = st.builds(Message, role=st.sampled_from(["user", "tool"]), content=optional(TEXT))
    asked = st.one_of(
        st.fixed_dictionaries({"prompt": TEXT}),
        st.fixed_dictionaries({"messages": st.lists(messages, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"input": TEXT | st.lists(TEXT, min_size=1, max_size=3)}),
    )
    parameters = st.builds(
        Parameters,
        temperature=optional(SECONDS),
        stop=optional(st.lists(TEXT, max_size=2)),
        tools=optional(st.lists(st.dictionaries(TEXT, JSON, max_size=2), max_size=2)),
        tool_choice=optional(TEXT | st.dictionaries(TEXT, JSON, max_size=2)),
    )
    rest = st.fixed_dictionaries(
        {
            "query_id": TEXT,
            "task": optional(NAME),
            "parameters": parameters,
            "reference": optional(st.builds(Reference, kind=NAME, value=JSON)),
            "time_limit_s": optional(st.floats(0.001, 1e6)),
            "stream": st.booleans(),
        }
    )
    return st.builds(lambda one, other: Query(**one, **other), asked, rest)


def metrics() -> st.SearchStrategy[Metric]:
    return st.builds(
        Metric,
        query_id=NAME,
        attempt=st.integers(1, INT_MAX),
        model=NAME,
        task=NAME,
        kind=st.sampled_from(["outcome", "judgement"]),
        grader=NAME,
        ok=st.booleans(),
        response_time_s=SECONDS,
        cost_usd=optional(SECONDS),
        accuracy=FRACTION,
        trust=FRACTION,
        propensity=optional(FRACTION),
        session=optional(TEXT),
        decided_at=COUNT,
        observed_at=COUNT,
    )


@st.composite
def rules(draw: st.DrawFn) -> RoutingRule:
    names = draw(st.lists(NAME, min_size=1, max_size=4, unique=True))
    cuts = sorted(draw(st.lists(st.integers(0, MILLION), min_size=3, max_size=3)))[: len(names) - 1]
    edges = [0, *cuts, MILLION]
    score = st.builds(ModelScore, score_micro=optional(COUNT), samples=SECONDS, outcomes=SECONDS)
    state = st.builds(ModelState, trials_micro=COUNT, reward_micro=COUNT)
    return RoutingRule(
        task=draw(NAME),
        version=draw(st.integers(1, INT_MAX)),
        weights={name: edges[i + 1] - edges[i] for i, name in enumerate(names)},
        scores={name: draw(score) for name in names},
        policy=draw(NAME),
        state=PolicyState(models={name: draw(state) for name in names}),
        configuration_digest=draw(TEXT),
        pinned=draw(optional(NAME)),
        reason=draw(TEXT),
    )


def parts() -> st.SearchStrategy[WindowScore]:
    latency = st.dictionaries(st.integers(-1000, 1000), COUNT, max_size=5)
    return st.builds(
        WindowScore,
        task=NAME,
        partition=COUNT,
        partitions=st.integers(1, 100),
        window_start_at=COUNT,
        window_end_at=COUNT,
        models=st.dictionaries(NAME, st.builds(ModelSummary, latency=latency), max_size=3),
    )


@given(event=st.one_of(queries(), metrics(), rules(), parts()))
def test_what_is_encoded_comes_back_equal(event: Event) -> None:
    assert decode(type(event), encode(event)) == event
    assert encode(decode(type(event), encode(event))) == encode(event)


@given(rule=rules(), order=st.randoms(use_true_random=False))
def test_equal_rules_give_equal_bytes(rule: RoutingRule, order: random.Random) -> None:
    names = list(rule.weights)
    order.shuffle(names)
    same = RoutingRule(
        task=rule.task,
        version=rule.version,
        weights={name: rule.weights[name] for name in names},
        scores={name: rule.scores[name] for name in names},
        policy=rule.policy,
        state=PolicyState(models={name: rule.state.models[name] for name in names}),
        configuration_digest=rule.configuration_digest,
        pinned=rule.pinned,
        reason=rule.reason,
    )
    assert encode(same) == encode(rule)


@given(part=parts(), order=st.randoms(use_true_random=False))
def test_equal_parts_give_equal_bytes(part: WindowScore, order: random.Random) -> None:
    models = {}
    for name, summary in part.models.items():
        buckets = list(summary.latency.items())
        order.shuffle(buckets)
        models[name] = ModelSummary(latency=dict(buckets))
    rows = list(models.items())
    order.shuffle(rows)
    same = WindowScore(
        task=part.task,
        partition=part.partition,
        partitions=part.partitions,
        window_start_at=part.window_start_at,
        window_end_at=part.window_end_at,
        models=dict(rows),
    )
    assert encode(same) == encode(part)


def test_a_float_that_equals_its_default_gives_the_defaults_bytes() -> None:
    computed = sum([0.1, -0.1])
    assert encode(ModelScore(samples=computed)) == encode(ModelScore())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "empty value"),
        (b"", "empty value"),
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        (b'{"prompt":"\xff"}', "Invalid.*UTF-8|utf-8"),
        (b'{"prompt":"\\ud800"}', "truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"prompt":"a","reference":{"kind":"x","value":' + b"[" * 99_999, "recursion"),
        (b"{}", "exactly one of prompt, messages and input; got none"),
        (b'{"prompt":"a","input":"b"}', "got prompt and input"),
        (b'{"prompt":"a","time_limit_s":0}', r"\$\.time_limit_s"),
        (b'{"prompt":"a","parameters":{"seed":9223372036854775808}}', r"\$\.parameters\.seed"),
        (b'{"prompt":"a","parameters":{"top_p":"1"}}', r"\$\.parameters\.top_p"),
        (b'{"prompt":"a","reference":{"kind":"x","tolerance":1e999}}', "out of range"),
    ],
)
def test_what_is_no_query_is_refused(value: bytes | None, expected: str) -> None:
    with pytest.raises(WireError, match=expected):
        decode(Query, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'{"query_id":"q-1","prompt":5}', "q-1"),
        (b'{"query_id":""}', None),
        (b'{"query_id":5}', None),
        (b'{"query_id":"q-1"', None),
        (None, None),
    ],
)
def test_a_query_id_is_salvaged_where_it_can_be(value: bytes | None, expected: str | None) -> None:
    assert salvage_query_id(value) == expected


def _events(base: type[Event] = Event) -> Iterator[type[Event]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _events(kind)


def test_no_float_has_a_plain_default() -> None:
    """It would be left out when it holds that very object, and be written when it is equal."""
    assert Control in set(_events())
    plain = [
        f"{kind.__name__}.{field.name}"
        for kind in _events()
        for field in msgspec.structs.fields(kind)
        if kind.__module__.startswith("schemas.") and isinstance(field.default, float)
    ]
    assert plain == []
