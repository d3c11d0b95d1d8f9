"""A streamed answer as server-sent events. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from agents.serving.completing import PREFIX, finish_reason, tokens, tool_calls
from agents.serving.refusals import Refusal
from agents.serving.replies import ChoicePart, CompletionPart, Delta, FinishReason, ToolCallPart
from schemas.response import Response

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": the answer is still to come\n\n"


def error_event(refusal: Refusal) -> bytes:
    """The last event of a stream that failed."""
    return _event(refusal.reply)


def _event(body: object) -> bytes:
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


@dataclass(frozen=True)
class Events:
    """The events of one answer.

    Args:
        query_id: the query's.
        created_s: when it was asked for, Unix seconds.
        usage: whether an event with the counts comes at the end.
        one_call: of several tool calls only the first counts.
    """

    query_id: str
    created_s: int
    usage: bool = False
    one_call: bool = False

    def begin(self, model: str) -> bytes:
        """The first event: whose turn it is."""
        return self._part(model, Delta(role="assistant", content=""))

    def text(self, model: str, text: str) -> bytes:
        """More of the answer."""
        return self._part(model, Delta(content=text))

    def end(self, response: Response) -> bytes:
        """What the final response adds to its text: tool calls, finish reason, counts, the end."""
        model, found = response.model or "", b""
        if calls := tool_calls(response, one_call=self.one_call):
            parts = [
                ToolCallPart(index=index, id=call.id, type=call.type, function=call.function)
                for index, call in enumerate(calls)
            ]
            found += self._part(model, Delta(tool_calls=parts))
        found += self._part(model, Delta(), finish_reason(response))
        if self.usage:
            counts = tokens(response.usage)
            last = CompletionPart(
                id=PREFIX + self.query_id,
                created=self.created_s,
                model=model,
                choices=[],
                usage=counts,
            )
            found += _event(last)
        return found + DONE

    def _part(self, model: str, delta: Delta, finish: FinishReason | None = None) -> bytes:
        part = CompletionPart(
            id=PREFIX + self.query_id,
            created=self.created_s,
            model=model,
            choices=[ChoicePart(delta=delta, finish_reason=finish)],
            usage=None if self.usage else msgspec.UNSET,
        )
        return _event(part)
