"""What is redacted is in no byte of the archive; what is left is what rebuild and whatif read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from schemas.assignment import Assignment, Decision, Failure
from schemas.chunk import Chunk
from schemas.dead_letter import DeadLetter, Header
from schemas.feedback import Feedback
from schemas.query import Message, Parameters, Query, Reference
from schemas.response import AnswerError, Response
from schemas.wire import Event, decode, encode
from streams.archive.redactable import FIELDS, NO_TEXT
from streams.archive.redaction import MARK, Redaction, is_redacted, redaction_of
from streams.archive.rows import ArchivedRecord
from streams.settings import Archive, SettingsError, load
from tests.streams.archive.records import metric

KEY = b"sixteen bytes or more"
SECRET = "Zanzibar"
ALL: Mapping[str, Literal["drop", "hash"]] = dict.fromkeys(FIELDS, "drop")
HASHED: Mapping[str, Literal["drop", "hash"]] = {
    name: "drop" if name in NO_TEXT else "hash" for name in FIELDS
}


def query(**fields: Any) -> Query:
    given: dict[str, Any] = {"prompt": f"p {SECRET}", **fields}
    return Query(
        query_id="q1",
        session="s",
        reference=Reference(kind="exact", value={"a": [SECRET]}),
        parameters=Parameters(stop=[SECRET], max_tokens=3),
        **given,
    )


def turns() -> list[Message]:
    call = {"function": {"arguments": SECRET}}
    return [
        Message(role="system", content=f"m {SECRET}"),
        Message(role="assistant", name=SECRET, tool_calls=[call], tool_call_id="c1"),
    ]


def assignment(inner: Query) -> Assignment:
    decision = Decision(
        model="a",
        task="code",
        kind="policy",
        eligible=["a", "b"],
        propensities={"a": 0.9, "b": 0.1},
        rule_version=3,
        reason="rule 3",
        decided_at=5,
    )
    failure = Failure(model="b", kind="rejected", message=SECRET, failed_at=4)
    return Assignment(
        query=inner,
        task="code",
        attempt=1,
        asked_at=1,
        deadline_at=9,
        decision=decision,
        failures=[failure],
    )


def response() -> Response:
    return Response(
        query_id="q1",
        text=f"t {SECRET}",
        embeddings=[[0.5]],
        tool_calls=[{"function": SECRET}],
        error=AnswerError(kind="rejected", message=SECRET),
        answered_at=7,
        query=query(),
        reference=Reference(kind="exact", value=SECRET),
    )


def letter(topic: str) -> DeadLetter:
    return DeadLetter(
        topic=topic,
        partition=0,
        offset=1,
        timestamp_at=2,
        key=SECRET.encode(),
        value=SECRET.encode(),
        headers=[Header(name="h", value=SECRET.encode())],
        stage="router",
        error=SECRET,
        failed_at=3,
    )


EVENTS: Sequence[tuple[str, Event]] = (
    ("queries", query()),
    ("queries", query(prompt=None, messages=turns())),
    ("queries", query(prompt=None, input=SECRET)),
    ("queries", query(prompt=None, input=[SECRET, "x"])),
    ("models.a", assignment(query())),
    ("reroutes", assignment(query(prompt=None, messages=turns()))),
    ("responses", response()),
    ("chunks", Chunk(query_id="q1", attempt=1, number=0, text=SECRET, model="a")),
    ("feedback", Feedback(query_id="q1", score=1, source="s", comment=SECRET)),
    ("dead-letters", letter("queries")),
)


def one(redaction: Redaction, topic: str, value: bytes | None) -> ArchivedRecord:
    record = ArchivedRecord(7, 1000, b"k", value, (("h", b"1"),))
    (found,) = redaction.records(topic, [record])
    assert (found.offset, found.timestamp, found.key) == (7, 1000, b"k")
    return ArchivedRecord(7, 1000, b"k", found.value, found.headers)


@pytest.mark.parametrize("fields", [ALL, HASHED])
@pytest.mark.parametrize(("topic", "event"), EVENTS)
def test_nothing_is_left(
    topic: str, event: Event, fields: Mapping[str, Literal["drop", "hash"]]
) -> None:
    assert SECRET.encode() in encode(event) or topic == "dead-letters"
    found = one(Redaction(fields, KEY), topic, encode(event))
    again = decode(type(event), found.value)
    assert found.value == encode(again), "still an event, and as we write it"
    assert SECRET not in str(msgspec.to_builtins(again, builtin_types=(bytes,)))
    assert SECRET.encode() not in (found.value or b"")
    assert not is_redacted(found)


def test_the_rest_stays() -> None:
    event = assignment(query(prompt=None, messages=turns()))
    found = decode(Assignment, one(Redaction(HASHED, KEY), "models.a", encode(event)).value)
    assert found.decision == event.decision
    assert found.query.session == "s"
    assert found.query.messages is not None
    assert [turn.role for turn in found.query.messages] == ["system", "assistant"]
    assert found.query.messages[1].tool_call_id == "c1"


def test_a_query_still_has_one_of_its_three() -> None:
    redaction = Redaction(ALL)
    assert decode(Query, one(redaction, "queries", encode(query())).value).prompt == ""
    many = query(prompt=None, input=["a", "b"])
    assert decode(Query, one(redaction, "queries", encode(many)).value).input == ["", ""]


def test_a_hash_is_the_same_wherever_the_text_is() -> None:
    redaction = Redaction({"query.prompt": "hash"}, KEY)
    asked = decode(Query, one(redaction, "queries", encode(query())).value)
    given = decode(Assignment, one(redaction, "models.a", encode(assignment(query()))).value)
    answered = decode(Response, one(redaction, "responses", encode(response())).value)
    assert asked.prompt == given.query.prompt
    assert answered.query is not None
    assert answered.query.prompt == asked.prompt
    assert len(asked.prompt or "") == 32
    other = Redaction({"query.prompt": "hash"}, KEY + b"x")
    assert decode(Query, one(other, "queries", encode(query())).value).prompt != asked.prompt
    assert answered.text == f"t {SECRET}", "it wasn't named"


@pytest.mark.parametrize("value", [b"\xff", b"{}", b'{"prompt":"Zanzibar","input":"Zanzibar"}'])
def test_what_does_not_decode_loses_its_value_and_tells(value: bytes) -> None:
    found = one(Redaction({"query.prompt": "drop"}), "queries", value)
    assert found.value == b""
    assert found.headers == (("h", b"1"), (MARK, b"unreadable"))
    assert is_redacted(found)


def test_fields_that_we_do_not_know_go() -> None:
    value = b'{"query_id":"q","prompt":"x","secret":"Zanzibar"}'
    assert b"Zanzibar" not in (
        one(Redaction({"query.input": "drop"}), "queries", value).value or b""
    )


def test_tombstones_and_empty_values_stay() -> None:
    for value in (None, b""):
        found = one(Redaction(ALL), "queries", value)
        assert found.value == value
        assert not is_redacted(found)


def test_topics_without_such_fields_are_left_alone() -> None:
    redaction = Redaction({"query.prompt": "drop"})
    for topic in ("metrics", "rules", "feedback", "chunks", "not-ours"):
        assert not redaction.concerns(topic)
        record = ArchivedRecord(0, 0, None, b"\xff")
        assert redaction.records(topic, [record]) == [record]
    assert not Redaction({}).concerns("dead-letters")
    value = encode(metric(1))
    assert one(Redaction(ALL), "metrics", value).value == value


@pytest.mark.parametrize(("topic", "kept"), [("queries", False), ("metrics", True), ("x", False)])
def test_dead_letters_hold_what_their_topic_held(topic: str, kept: bool) -> None:
    found = one(Redaction({"query.prompt": "drop"}), "dead-letters", encode(letter(topic)))
    value = decode(DeadLetter, found.value).value
    assert value == (SECRET.encode() if kept else b"")


def settings(tmp_path: Path, text: str) -> Archive:
    file = tmp_path / "zeta.toml"
    file.write_text(f"[archive]\n{text}\n")
    return load(file, {}).archive


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('redact = {"query.promt" = "drop"}', r"archive.redact.query.promt: no such.*query.prompt"),
        ('redact = {"query.prompt" = "blur"}', "must be one of drop, hash; got 'blur'"),
        ('redact = {"response.embeddings" = "hash"}', "response.embeddings: must be drop"),
        ('redact = {"query.prompt" = "hash"}', "archive.redact_key_variable: is missing"),
    ],
)
def test_wrong_settings_name_the_key(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=wrong):
        settings(tmp_path, text)


def test_the_key_comes_from_the_variable(tmp_path: Path) -> None:
    text = 'redact = {"query.prompt" = "hash"}\nredact_key_variable = "ZETA_PRIVATE"'
    found = settings(tmp_path, text)
    with pytest.raises(SettingsError, match="ZETA_PRIVATE is not set"):
        redaction_of(found, {})
    with pytest.raises(SettingsError, match="must be at least 16"):
        redaction_of(found, {"ZETA_PRIVATE": "short"})
    assert redaction_of(found, {"ZETA_PRIVATE": KEY.decode()}).concerns("queries")
    load(tmp_path / "zeta.toml", {"ZETA_PRIVATE": KEY.decode()})  # no setting's own variable
    assert not redaction_of(Archive(), {}).concerns("queries")


def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    text = f'redact = {{"query.prompt" = "hash"}}\nredact_key_file = "{tmp_path / "key"}"'
    found = settings(tmp_path, text)
    assert redaction_of(found, {}).concerns("queries")
    with pytest.raises(SettingsError, match="redact_key_file: is one too many"):
        settings(tmp_path, f'{text}\nredact_key_variable = "ZETA_PRIVATE"')
