from __future__ import annotations

import http.server
import threading
import time

import pytest

from agents.graders.grade import GradeError
from agents.graders.json_schema import grade
from schemas.query import Reference
from schemas.response import Response

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


def graded(text: str | None, schema: object) -> float:
    response = Response(query_id="q", answered_at=0, text=text)
    return grade(response, Reference(kind="json_schema", value=schema))


@pytest.mark.parametrize(
    ("text", "accuracy"),
    [
        ('{"name": "Ada", "age": 36}', 1),
        ('  {"name": "Ada"}\n', 1),
        ('```json\n{"name": "Ada"}\n```', 1),
        ('```\n{"name": "Ada"}\n```', 1),
        ('Here it is:\n```json\n{"name": "Ada"}\n```\nAnything else?', 1),
        ('```json\n{}\n```\nNo, rather:\n```json\n{"name": "Ada"}\n```', 1),
        ('```json\n{"name": "Ada"}\n```\nNo, rather:\n```json\n{}\n```', 0),
        ('{"name": "a ```json\\n{}\\n``` b"}', 1),
        ('{"name": "Ada", "age": -1}', 0),
        ('{"name": "Ada", "size": 1}', 0),
        ('{"name": "Ada"', 0),
        ("{'name': 'Ada'}", 0),
        ('{"name": "Ada", "age": NaN}', 0),
        ('My answer is {"name": "Ada"}', 0),
        ("[" * 100_000, 0),
        ("", 0),
        (None, 0),
    ],
)
def test_judges_by_the_schema(text: str | None, accuracy: float) -> None:
    assert graded(text, PERSON) == accuracy


@pytest.mark.parametrize(
    ("text", "schema", "accuracy"),
    [
        ("1", True, 1),
        ("1", False, 0),
        ("[1, 2]", {"items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "number"}}}, 1),
        ('["1"]', {"items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "number"}}}, 0),
        ('{"x1": 1, "y": 1}', {"patternProperties": {"^x": {"type": "string"}}}, 0),
        ('{"x1": "1", "y": 1}', {"patternProperties": {"^x": {"type": "string"}}}, 1),
        ('{"x": 1}', {"patternProperties": {"^x": {}}, "additionalProperties": False}, 1),
        ('{"y": 1}', {"patternProperties": {"^x": {}}, "additionalProperties": False}, 0),
        ('{"y": 1}', {"additionalProperties": {"type": "string"}}, 0),
        ('"ab"', {"pattern": "^a"}, 1),
        ('"ba"', {"pattern": "^a"}, 0),
        ("1", {"pattern": "^a"}, 1),
        ("[1]", {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{}]}, 1),
    ],
)
def test_knows_the_keywords(text: str, schema: object, accuracy: float) -> None:
    assert graded(text, schema) == accuracy


@pytest.mark.parametrize(
    "schema",
    [
        None,
        "object",
        ["object"],
        {"type": "objekt"},
        {"minimum": "1"},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "#"},
        {"pattern": "("},
        {"patternProperties": {"a": {}}, "unevaluatedProperties": False},
    ],
)
def test_refuses_a_bad_schema(schema: object) -> None:
    with pytest.raises(GradeError, match=r"reference\.value|RE2"):
        graded('"x"', schema)


def test_no_pattern_takes_for_ever() -> None:
    begun = time.process_time()
    text = '"' + "a" * 40 + '!"'
    assert graded(text, {"pattern": "^(a+)+$"}) == 0
    assert graded("{" + text + ": 1}", {"patternProperties": {"^(a+)+$": False}}) == 1
    assert time.process_time() - begun < 2


def test_fetches_no_reference() -> None:
    """A server that would serve the schema is never asked for it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            uri = f"http://127.0.0.1:{server.server_port}/schema.json"
            with pytest.raises(GradeError, match=r"schema\.json"):
                graded("1", {"$ref": uri})
        finally:
            server.shutdown()
            thread.join()
    assert asked == []
