"""W3C trace context among a record's headers: what is one, and what is as none. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

Headers: TypeAlias = Sequence[tuple[str, bytes]]

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
NAMES = (TRACEPARENT, TRACESTATE)

# Version 00's form, which later ones begin with; ids of zeros alone are none.
_PARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_STATE = re.compile(rb"[\x20-\x7e]{1,512}")
MOST_HEADERS = 64
"""So many of a record's headers are looked at: anybody may have sent thousands."""


def parent_of(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    """The trace context among a record's headers, to be sent on; empty where there is none."""
    if not headers:
        return ()
    found: dict[str, bytes] = {}
    for name, content in headers[:MOST_HEADERS]:
        if name in NAMES and content is not None:
            found.setdefault(name, content)
    parent, state = found.get(TRACEPARENT, b""), found.get(TRACESTATE, b"")
    if not _PARENT.fullmatch(parent):
        return ()
    kept = _STATE.fullmatch(state) is not None
    return [(TRACEPARENT, parent), (TRACESTATE, state)] if kept else [(TRACEPARENT, parent)]
