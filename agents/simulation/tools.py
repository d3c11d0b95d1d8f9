"""Tool calls of a simulated chat: the tool asked for gets the answer as its argument. Pure."""

from collections.abc import Iterator
from typing import Any

import msgspec

Json = dict[str, Any]
CALL_ID = "0"
PIECE = 6


def tool_name(tools: list[Json] | None, choice: Any) -> str | None:
    """The tool that is called: the one chosen by name, else the first; None: none is."""
    names = [str(tool.get("function", {}).get("name", "")) for tool in tools or []]
    if not names or choice == "none":
        return None
    chosen = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    return chosen if chosen in names else names[0]


def message(name: str, text: str) -> Json:
    """What stands for a message."""
    function = {"description": None, "name": name, "arguments": _arguments(text)}
    return {
        "role": "assistant",
        "tool_calls": [{"id": CALL_ID, "type": "function", "function": function}],
    }


def deltas(name: str, text: str) -> Iterator[Json]:
    """What a stream has instead of a delta with content: the name, then the arguments in pieces."""
    yield _delta(name, "")
    arguments = _arguments(text)
    for start in range(0, len(arguments), PIECE):
        yield _delta(None, arguments[start : start + PIECE])


def _delta(name: str | None, arguments: str) -> Json:
    function = {"name": name, "arguments": arguments}
    call = {"index": 0, "id": CALL_ID, "type": "function", "function": function}
    return {"role": "assistant", "tool_calls": [call]}


def _arguments(text: str) -> str:
    return msgspec.json.encode({"answer": text}).decode()
