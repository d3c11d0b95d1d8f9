"""Text of strangers on a terminal: nothing in it may move the cursor, or turn the text around.

Model names, ids, reasons and answers come from records that anybody may have written, and a
terminal obeys control characters (ESC, and U+009B alone) wherever they come from.
"""

from __future__ import annotations

import re

_FORMAT = "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_CONTROLS = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_FORMAT}\ud800-\udfff]")
_IN_JSON = re.compile(f"[\x7f-\x9f{_FORMAT}]")


def printable(text: str) -> str:
    r"""The text with control characters shown (``\x1b``); tabs and line breaks stay."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def escaped(line: str) -> str:
    """A line of JSON that says the same, with those characters escaped that JSON needn't escape."""
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
