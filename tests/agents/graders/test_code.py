"""Right and wrong answers, and what tests may do with them. Each is really run."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.graders import GRADERS, SLOW_GRADERS
from agents.graders.code import grade, source
from agents.graders.grade import GradeError
from agents.graders.grading import accuracy
from schemas.query import Reference
from schemas.response import Response
from tests.agents.graders.crossings import CROSSINGS

SQUARE = "def square(x):\n    return x * x\n"


def reference(tests: object, **value: Any) -> Reference:
    return Reference(kind="code", value={"tests": tests, **value})


def answered(text: str | None) -> Response:
    return Response(query_id="q", answered_at=0, text=text)


def graded(text: str | None, tests: object, **value: Any) -> float:
    return grade(answered(text), reference(tests, **value))


@pytest.mark.parametrize(
    ("text", "accuracy"),
    [
        (SQUARE, 1),
        (f"Like this:\n```python\n{SQUARE}```\nIt squares.", 1),
        (f"```py\nraise ValueError\n```\nbetter:\n```python\n{SQUARE}```\n```\noutput\n```", 1),
        (f"```\n{SQUARE}```", 1),
        ("def square(x):\n    return x + x + 1\n", 0),
        ("def square(x) return x", 0),
        ("raise ValueError('no')", 0),
        ("import numpy\n" + SQUARE, 0),
        ("", 0),
        (None, 0),
    ],
)
def test_passing_and_failing_answers(text: str | None, accuracy: float) -> None:
    assert graded(text, "assert square(3) == 9\nassert square(-1) == 1") == accuracy


def test_a_list_of_tests_gives_the_share_that_passes() -> None:
    tests = ["assert square(2) == 4", "assert square(2) == 5", "x", "x = square(0)\nassert x == 0"]
    assert graded(SQUARE, tests) == 0.5


def test_each_test_has_globals_of_its_own() -> None:
    assert graded(SQUARE, ["square = None", "assert square(2) == 4"]) == 1


def test_the_prelude_comes_before_the_answer() -> None:
    entry = """
class Node:
    def __init__(self, value, next=None):
        self.value, self.next = value, next
"""
    answer = "def total(node):\n    return node.value + total(node.next) if node else 0"
    assert graded(answer, "assert total(Node(1, Node(2))) == 3", entry=entry) == 1
    assert graded(answer, "assert total(Node(1, Node(2))) == 3") == 0


@pytest.mark.parametrize(("answer", "test"), CROSSINGS.values(), ids=CROSSINGS.keys())
def test_what_crosses_between_the_tests_and_the_answer(answer: str, test: str) -> None:
    assert graded(answer, test) == 1


def test_sets_have_the_same_order_every_time() -> None:
    """Else an answer that leans on it would be right today and wrong tomorrow."""
    seeded = subprocess.run(
        [sys.executable, "-c", "print(hash('abc'))"],
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert graded("def f(): return hash('abc')", f"assert f() == {seeded.stdout}") == 1


@pytest.mark.parametrize(
    "value",
    [
        None,
        "assert True",
        {},
        {"tests": ""},
        {"tests": []},
        {"tests": [1]},
        {"tests": "x", "entry": 1},
        {"tests": "x", "language": "cobol"},
        {"tests": "assert ="},
        {"tests": ["x", "\0"]},
    ],
)
def test_refuses_a_value_that_can_not_be_run(value: object) -> None:
    with pytest.raises(GradeError):
        grade(answered(SQUARE), Reference(kind="code", value=value))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1", "x = 1"),
        ("```python\nx\n```", "x\n"),
        ("```python\nx\n```\n```python\ny\n```\n```sh\nz\n```", "y\n"),
        ("```\nx\n```\n```\ny\n```", "y\n"),
        ("```python\nx = '''a ``` b'''\n```", "x = '''a ``` b'''\n"),
        ("```python\nnever closed", "never closed"),
    ],
)
def test_finds_the_code(text: str, code: str) -> None:
    assert source(text) == code


async def test_the_event_loop_goes_on_while_code_is_graded() -> None:
    response = answered("import time\ndef f():\n    time.sleep(0.5)\n    return 1")
    grading = asyncio.create_task(accuracy(response, reference("assert f() == 1")))
    beats = 0
    while not grading.done():
        await asyncio.sleep(0.01)
        beats += 1
    assert await grading == 1
    assert beats > 10


async def test_grades_by_kind() -> None:
    response = answered("42")
    assert await accuracy(response, Reference(kind="exact", value="42")) == 1
    assert not set(GRADERS) & set(SLOW_GRADERS)
    with pytest.raises(GradeError, match=r"exact.*code"):
        await accuracy(response, Reference(kind="nonsense"))


def test_what_runs_inside_needs_only_the_standard_library() -> None:
    inside = Path(__file__).parents[3] / "agents" / "graders" / "inside"
    for path in inside.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                package = "agents.graders.inside"
                assert node.module.startswith(package) or "agents" not in node.module
