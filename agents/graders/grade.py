"""What a grader is."""

from __future__ import annotations

from typing import Protocol

from schemas.query import Reference
from schemas.response import Response


class GradeError(ValueError):
    """The reference can't be graded by; the message names what is wrong with it."""


class Grader(Protocol):
    """Pure: the same answer and reference give the same grade."""

    def __call__(self, response: Response, reference: Reference) -> float:
        """The answer's accuracy, 0..1.

        Raises:
            GradeError: the reference's value isn't of the kind that this grader takes.
        """
        ...


def text_value(reference: Reference) -> str:
    """The reference's value as a text.

    Raises:
        GradeError: it is neither a text nor a number.
    """
    value = reference.value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise GradeError(
            f"reference.value of kind {reference.kind!r} must be a text, got {value!r}"
        )
    return str(value)
