"""Decisions: who may be chosen, how the choice is marked, with which propensities."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.routing import Refusal, Table, capable, decide, propensities, task_problem, weights
from schemas.assignment import Decision
from schemas.query import Parameters, Query
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION, decode, encode
from streams.settings import Model, Task
from tests.agents.routing_parts import SETTINGS, chat, rule, table, texts


def decided(
    query: Query,
    *rules: RoutingRule,
    task: str = "code",
    tried: tuple[str, ...] = (),
    unhealthy: str = "",
) -> Decision:
    """The decision; fails when there is none."""
    found = decide(
        SETTINGS, table(*rules, unhealthy=frozenset(unhealthy)), query, task, tried, now_ms=7
    )
    assert isinstance(found, Decision)
    assert found == decode(Decision, encode(found))
    assert found.model in found.eligible
    assert set(found.propensities) == set(found.eligible)
    assert sum(found.propensities.values()) == pytest.approx(1)
    return found


@pytest.mark.parametrize(
    ("query", "task", "problem"),
    [
        (chat(), "code", None),
        (texts(), "embedding", None),
        (chat(models=["b"]), "code", None),
        (chat(), "poetry", "unknown task 'poetry'; one of reasoning, code, embedding"),
        (texts(), "code", "task 'code' needs a chat model, but the query has input"),
        (chat(), "embedding", "needs a embedding model, but the query has prompt or messages"),
        (chat(models=["a", "d"]), "code", "model 'd' can't serve task 'code'; candidates are a, b"),
    ],
)
def test_what_is_wrong_with_a_query(query: Query, task: str, problem: str | None) -> None:
    found = task_problem(SETTINGS, query, task)
    assert found == problem if problem is None else problem in (found or "")


@pytest.mark.parametrize(
    ("query", "task", "names"),
    [
        (chat(), "reasoning", ["a", "b", "c", "d"]),
        (chat(), "code", ["a", "b", "c"]),
        (chat(models=["c", "a"]), "code", ["a", "c"]),
        (texts(), "embedding", ["mini", "mini-int8"]),
        (texts(any_space=True), "embedding", ["bge", "mini", "mini-int8"]),
        (texts(models=["bge"]), "embedding", ["bge"]),
    ],
)
def test_who_is_capable(query: Query, task: str, names: list[str]) -> None:
    assert capable(SETTINGS, query, task) == names


def test_a_policys_decision() -> None:
    decision = decided(chat(), rule())
    assert decision.kind == "policy"
    assert decision.eligible == ["a", "b", "c"]
    assert decision.propensities == {"a": 0.5, "b": 0.3, "c": 0.2}
    assert (decision.rule_version, decision.decided_at) == (3, 7)
    assert decision.reason == "policy: why"


def test_before_the_first_rule_the_prior_decides() -> None:
    decision = decided(chat())
    assert decision.propensities == {"a": 0.5, "b": 0.25, "c": 0.25}
    assert (decision.rule_version, decision.reason) == (0, "policy: no rule yet, the prior")
    assert weights(SETTINGS, None, "reasoning") == dict.fromkeys("abcd", MILLION // 4)


def test_a_rule_for_another_task_says_nothing() -> None:
    assert decided(chat(), rule("reasoning")).rule_version == 0


def test_a_pin() -> None:
    pinned = rule(shares={"b": 1.0}, pinned="b")
    decision = decided(chat(), pinned)
    assert (decision.model, decision.kind) == ("b", "pin")
    assert decision.propensity == 1
    assert decided(chat(), pinned, unhealthy="b").kind == "policy"


def test_a_forced_choice() -> None:
    decision = decided(chat(models=["c"]), rule())
    assert (decision.model, decision.kind, decision.propensity) == ("c", "forced", 1)
    assert decided(chat(), rule(), unhealthy="ab").kind == "forced"


def test_a_reroute() -> None:
    decision = decided(chat(), rule(), tried=("a",))
    assert decision.kind == "reroute"
    assert decision.propensities == {"b": 0.6, "c": 0.4}
    assert decided(chat(), rule(), tried=("a", "b")).kind == "reroute"


@given(
    query_id=st.text(st.characters(), max_size=20),
    tried=st.frozensets(st.sampled_from("abc")),
    unhealthy=st.frozensets(st.sampled_from("abc")),
    excluded=st.frozensets(st.sampled_from("abc"), max_size=2),
)
def test_only_an_eligible_model_is_chosen(
    query_id: str, tried: frozenset[str], unhealthy: frozenset[str], excluded: frozenset[str]
) -> None:
    known = table(rule(excluded=sorted(excluded)), unhealthy=unhealthy)
    found = decide(SETTINGS, known, chat(query_id), "code", sorted(tried), now_ms=0)
    left = set("abc") - tried - unhealthy - excluded
    if not left:
        assert found == Refusal("no_model", "none of a, b, c can take it now", waits=True)
        return
    assert isinstance(found, Decision)
    assert set(found.eligible) == left
    assert found.model in left


def test_models_without_weight_are_equal_where_no_other_is_left() -> None:
    decision = decided(chat(), rule(shares={"a": 1.0, "b": 0.0, "c": 0.0}), unhealthy="a")
    assert decision.propensities == {"b": 0.5, "c": 0.5}
    assert propensities(["x", "y"], {}) == {"x": 0.5, "y": 0.5}


def test_when_all_candidates_are_excluded_none_is() -> None:
    decision = decided(chat(), rule(excluded=["a", "b", "c"]))
    assert decision.eligible == ["a", "b", "c"]


def test_a_query_that_permits_only_excluded_models_waits() -> None:
    found = decide(SETTINGS, table(rule(excluded=["a"])), chat(models=["a"]), "code", (), now_ms=0)
    assert found == Refusal("no_model", "none of a can take it now", waits=True)


def test_a_query_that_nobody_can_serve_does_not_wait() -> None:
    found = decide(SETTINGS, table(), chat(models=["mini"]), "code", (), now_ms=0)
    assert found == Refusal("no_model", "no model can serve this query for task 'code'")


def test_a_session_stays_with_its_model() -> None:
    models = {decided(chat(f"q{n}", session="s"), rule()).model for n in range(50)}
    assert len(models) == 1
    spread = Counter(decided(chat(f"q{n}"), rule()).model for n in range(50))
    assert set(spread) == {"a", "b", "c"}


def test_a_session_outlives_a_rule_that_weighs_alike_but_not_an_epoch() -> None:
    first, second = rule(version=3), rule(version=4)
    other = rule(version=5, epoch=1)
    sessions = [chat(session=f"s{n}") for n in range(200)]
    chosen = [decided(query, first).model for query in sessions]
    assert [decided(query, second).model for query in sessions] == chosen
    moved = sum(decided(q, other).model != model for q, model in zip(sessions, chosen, strict=True))
    assert 90 < moved < 160  # 1 - (.5**2 + .3**2 + .2**2) = .62 of them would by chance


def test_embeddings_stay_in_their_space() -> None:
    known = rule("embedding", shares={"mini": 0.1, "mini-int8": 0.1, "bge": 0.8})
    chosen = Counter(decided(texts(f"q{n}"), known, task="embedding").model for n in range(200))
    assert set(chosen) == {"mini", "mini-int8"}
    free = Counter(
        decided(texts(f"q{n}", any_space=True), known, task="embedding").model for n in range(200)
    )
    assert free["bge"] > 120


def test_what_a_table_remembers_ends_with_the_rule() -> None:
    rules = {"code": rule(shares={"a": 1.0, "b": 0.0, "c": 0.0})}
    known = Table(rules)
    first = decide(SETTINGS, known, chat(), "code", (), now_ms=1)
    rules["code"] = rule(shares={"a": 0.0, "b": 1.0, "c": 0.0}, version=4)
    second = decide(SETTINGS, known, chat(), "code", (), now_ms=1)
    assert isinstance(first, Decision)
    assert isinstance(second, Decision)
    assert (first.model, second.model, second.rule_version) == ("a", "b", 4)


def test_what_a_table_remembers_is_of_usual_queries_alone() -> None:
    known = table(rule())
    for query, tried, eligible in (
        (chat(), (), ["a", "b", "c"]),
        (chat(models=["b"]), (), ["b"]),
        (chat(), ("a",), ["b", "c"]),
        (chat(), (), ["a", "b", "c"]),
    ):
        decision = decide(SETTINGS, known, query, "code", tried, now_ms=1)
        assert isinstance(decision, Decision)
        assert decision.eligible == eligible
    wide = decide(SETTINGS, known, texts(any_space=True), "embedding", (), now_ms=1)
    narrow = decide(SETTINGS, known, texts(), "embedding", (), now_ms=1)
    assert isinstance(wide, Decision)
    assert isinstance(narrow, Decision)
    assert (len(wide.eligible), len(narrow.eligible)) == (3, 2)


def test_parameters_that_a_model_has_no_word_for_go_to_one_that_has() -> None:
    plain = Model(endpoint="http://m", protocol="tgi", serves=["chat"])
    models = {"base": msgspec.structs.replace(plain, api="generate"), "chat": plain}
    tasks = {"code": Task(prior={"base": 1.0})}
    settings = msgspec.structs.replace(SETTINGS, models=models, tasks=tasks)
    one_table = Table({})
    tools = Parameters(tools=[{"type": "function"}])

    def model(parameters: Parameters) -> str:
        query = Query(query_id="q", prompt="x", parameters=parameters)
        found = decide(settings, one_table, query, "code", (), now_ms=7)
        assert isinstance(found, Decision)
        return found.model

    assert [model(told) for told in (Parameters(), tools, Parameters())] == ["base", "chat", "base"]
    alone = msgspec.structs.replace(settings, models={"base": models["base"]})
    query = Query(query_id="q", prompt="x", parameters=tools)
    assert capable(alone, query, "code") == ["base"], "which then refuses it by name"
