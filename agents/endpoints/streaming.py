"""A streamed answer, put together as its pieces come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from agents.endpoints.finishing import finish_of, usage_of
from agents.model_error import ModelError, readable
from agents.reply import Answer
from schemas.response import Usage
from streams.clock import loop_s

OnText: TypeAlias = Callable[[str], Awaitable[None]]


@dataclass
class Pieces:
    """What has come; ``first_s`` is when the first of it came, in seconds after ``started_s``."""

    started_s: float
    on_text: OnText
    texts: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    first_s: float | None = None
    finish: Any = None
    usage: Usage = field(default_factory=Usage)

    async def take_chat(self, chunk: Any) -> None:
        """A chunk of a chat: text, parts of tool calls, the reason to stop, or the counts."""
        if (told := usage_of(chunk)) != Usage():
            self.usage = told
        for choice in chunk.choices[:1]:
            self.finish = choice.finish_reason or self.finish
            for part in choice.delta.tool_calls or ():
                self._take_call(part)
            if text := choice.delta.content:
                await self._take_text(text)

    async def take_generated(self, event: Any) -> None:
        """One token of TGI's /generate_stream; the last tells why it is the last."""
        if event.details is not None:
            self.finish = event.details.finish_reason
            self.usage = Usage(
                prompt_tokens=event.details.input_length,
                completion_tokens=event.details.generated_tokens,
            )
        if event.token.text and not event.token.special:
            await self._take_text(event.token.text)

    async def _take_text(self, text: Any) -> None:
        if not isinstance(text, str):
            raise ModelError("bad_answer", f"a piece of text is {type(text).__name__}")
        text = readable(text)
        self._begun()
        self.texts.append(text)
        await self.on_text(text)

    def _take_call(self, part: Any) -> None:
        """The first part of a call names it, the others go on with its arguments."""
        self._begun()
        call = self.calls.setdefault(
            part.index or 0, {"type": "function", "function": {"name": "", "arguments": ""}}
        )
        if identity := getattr(part, "id", None):
            call.setdefault("id", identity)
        function = call["function"]
        function["name"] = function["name"] or getattr(part.function, "name", None) or ""
        function["arguments"] += getattr(part.function, "arguments", None) or ""

    def _begun(self) -> None:
        if self.first_s is None:
            self.first_s = loop_s() - self.started_s

    def answer(self) -> Answer:
        """The whole.

        Raises:
            ModelError: it has no end.
        """
        if self.finish is None:
            raise ModelError("server_error", "the stream ended before its end")
        calls = [self.calls[index] for index in sorted(self.calls)]
        return Answer(
            text="".join(self.texts) if self.texts or not calls else None,
            tool_calls=calls or None,
            finish_reason=finish_of(self.finish, calls=bool(calls)),
            usage=self.usage,
            first_token_s=self.first_s,
        )


async def gathered(
    opening: Awaitable[AsyncIterable[Any]],
    pieces: Pieces,
    take: Callable[[Any], Awaitable[None]],
    first_token_timeout_s: float | None,
) -> Answer:
    """The answer that a stream gives.

    Args:
        opening: begins the stream.
        pieces: where ``take`` puts what comes.
        take: gets each part of the stream.
        first_token_timeout_s: how long the first token may take; None: as long as the call.

    Raises:
        ModelError: the first token is late, or the stream has no end.
    """
    try:
        async with asyncio.timeout(first_token_timeout_s) as first:
            async for part in await opening:
                await take(part)
                if pieces.first_s is not None:
                    first.reschedule(None)
    except TimeoutError as error:
        if not first.expired():
            raise
        late = f"no first token within {first_token_timeout_s:g} s"
        raise ModelError("timeout", late) from error
    return pieces.answer()
