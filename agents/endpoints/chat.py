"""Chat completions, as TGI's Messages API, vLLM, SGLang, llama.cpp and OpenAI have them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents.endpoints.finishing import finish_of, usage_of
from agents.endpoints.link import Link
from agents.endpoints.parameters import chat_arguments
from agents.endpoints.streaming import OnText, Pieces, gathered
from agents.model_error import ModelError
from agents.reply import Answer
from schemas.query import Query
from streams.clock import loop_s


async def chat(link: Link, query: Query, instructions: str, on_text: OnText | None) -> Answer:
    """One completion; with ``on_text`` each piece of its text as it comes."""
    arguments, exactly = chat_arguments(link.model, query, instructions)
    async with link.client(link.base, exactly) as client:
        if on_text is None:
            return _whole(await client.chat_completion(**arguments))
        pieces = Pieces(loop_s(), on_text)
        opening = client.chat_completion(
            **arguments, stream=True, stream_options={"include_usage": True}
        )
        limit_s = link.model.first_token_timeout_s
        return await gathered(opening, pieces, pieces.take_chat, limit_s)


def _whole(output: Any) -> Answer:
    choice = output.choices[0]
    calls, text = choice.message.tool_calls, choice.message.content
    if text is None and not calls:
        raise ModelError("bad_answer", "neither content nor tool calls")
    return Answer(
        text=text,
        tool_calls=[_call(call) for call in calls] if calls else None,
        finish_reason=finish_of(choice.finish_reason, calls=bool(calls)),
        usage=usage_of(output),
    )


def _call(call: Any) -> dict[str, Any]:
    """A tool call with its arguments as text, which older versions of TGI have as an object."""
    function = {name: value for name, value in call.function.items() if value is not None}
    if isinstance(arguments := function.get("arguments"), Mapping):
        function["arguments"] = json.dumps(arguments)
    named = {name: value for name, value in call.items() if value is not None}
    return {**named, "function": function}
