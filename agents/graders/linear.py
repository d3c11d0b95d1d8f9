"""Regular expressions whose matching time is linear in the text, whatever the pattern (RE2)."""

from __future__ import annotations

import re2

from agents.graders.grade import GradeError

MEMORY_BYTES = 8 * 1024 * 1024

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = MEMORY_BYTES


def found(pattern: str, text: str) -> bool:
    """Whether the pattern matches somewhere in the text.

    RE2's syntax: no backreferences, no look-around. ``(?i)``, ``(?s)`` and ``(?m)`` set flags.

    Raises:
        GradeError: it isn't one of RE2's; the message holds it.
    """
    try:
        return re2.compile(pattern, _OPTIONS).search(text) is not None
    except re2.error as error:
        raise GradeError(f"no regular expression for RE2: {pattern!r}: {error}") from error
