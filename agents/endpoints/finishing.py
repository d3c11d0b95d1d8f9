"""Why a server stopped and what it counted, in the product's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.reply import counted
from schemas.response import Usage

FINISH = {"eos_token": "stop", "stop_sequence": "stop"}
"""TGI's own words; the others are OpenAI's: length, stop, tool_calls, content_filter."""


def finish_of(reason: Any, *, calls: bool = False) -> Any:
    """The reason as OpenAI has it; TGI says of tool calls that it just stopped."""
    told = FINISH.get(reason, reason) if isinstance(reason, str) else reason
    return "tool_calls" if calls and told == "stop" else told


def usage_of(output: Any) -> Usage:
    """The counts of a chat's reply or chunk; llama.cpp's own where it has no others."""
    if (told := getattr(output, "usage", None)) is not None:
        return Usage(
            prompt_tokens=counted(told.prompt_tokens),
            completion_tokens=counted(told.completion_tokens),
        )
    timings = getattr(output, "timings", None)
    if not isinstance(timings, Mapping):
        return Usage()
    read, cached = counted(timings.get("prompt_n")), counted(timings.get("cache_n")) or 0
    return Usage(
        prompt_tokens=None if read is None else read + cached,
        completion_tokens=counted(timings.get("predicted_n")),
    )
