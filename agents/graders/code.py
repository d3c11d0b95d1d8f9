"""``code``: the answer's Python passes the reference's tests, run in sandboxes.

The answer and the tests run in a sandbox each, and the tests call the answer's functions from
there: so an answer can't reach its verdict (``inside/judge.py``). Plain data crosses by value,
all else stays where it is and is used from afar. Answers have the standard library, threads, a
/tmp of their own; no other process, no network, no input. What they print goes nowhere.
"""

from __future__ import annotations

import re

from agents.graders.grade import GradeError
from agents.graders.sandbox import Limits
from agents.graders.trial import Job, run
from schemas.query import Reference
from schemas.response import Response

LIMITS = Limits()

_FENCE = re.compile(
    r"^[^\S\n]*```[^\S\n]*(python3?|py)?[^\S\n]*\n(.*?)(?:^[^\S\n]*```|\Z)",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)


def source(text: str) -> str:
    """The code in an answer: its last block fenced as Python, else its last one, else all of it."""
    blocks: list[tuple[str, str]] = _FENCE.findall(text)
    named = [code for language, code in blocks if language]
    return (named or [code for _, code in blocks] or [text])[-1]


def _job(reference: Reference, answer: str) -> Job:
    value = reference.value if isinstance(reference.value, dict) else {}
    tests, prelude = value.get("tests"), value.get("entry", "")
    if value.get("language", "python") != "python":
        raise GradeError(f"kind 'code' grades Python alone, not {value['language']!r}")
    listed = [tests] if isinstance(tests, str) else tests
    strings = isinstance(listed, list) and all(isinstance(t, str) and t.strip() for t in listed)
    if not strings or not listed or not isinstance(prelude, str):
        raise GradeError(
            "reference.value of kind 'code' must have 'tests' (Python, or a list of it, each with "
            f"asserts) and may have 'entry' (Python before the answer), got {reference.value!r}"
        )
    return Job(prelude, answer, tuple(listed))


def grade(response: Response, reference: Reference, limits: Limits = LIMITS) -> float:
    """The share of ``tests`` that end without an exception (1 or 0 for one text). Blocks.

    ``reference.value`` is ``{"tests": code or [code, ...], "entry": code, "language": "python"}``.
    Each test has globals of its own; the answer's process is the same for all, and once it has
    died or its time is up the rest fail. ``entry`` runs before the answer, in its namespace: for
    imports and classes that it is given; what checks with belongs into the tests.

    Raises:
        GradeError: a value of another shape, or tests that don't compile.
        SandboxUnavailableError: no sandbox can be had; nothing was run.
    """
    results = run(_job(reference, source(response.text or "")), limits)
    return sum(results) / len(results)
