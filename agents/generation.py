"""Asking a model endpoint: one method whatever its protocol, one error type whatever fails.

Through ``huggingface_hub.AsyncInferenceClient``: the chat completions that TGI, vLLM, SGLang and
llama.cpp share, and TEI's ``/embed``. OpenAI-style ``/v1/embeddings`` goes over plain HTTP.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx
from huggingface_hub import AsyncInferenceClient, set_async_client_factory
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError, TextGenerationError

from agents.http_client import TRUSTED, http_client, trust
from agents.model_error import ModelError, readable, status_error, stream_error
from agents.reply import Answer, checked, counted
from agents.scrubbing import Scrubber
from schemas.query import Query
from schemas.response import Usage
from streams.clock import loop_s
from streams.settings import Model

OnText: TypeAlias = Callable[[str], Awaitable[None]]

NOT_AN_ANSWER = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError),
    httpx.InvalidURL,
)
"""What reading a reply of another shape, or following where it points to, may raise."""


class Endpoint:
    """One model's endpoint.

    Args:
        model: where it is and what it speaks.
        token: bearer token, None for none. It is sent to this endpoint only, and the token that
            the hub's client would look for in the environment or on disk never is.
    """

    def __init__(self, model: Model, token: str | None) -> None:
        self._model = model
        self._base = model.endpoint.rstrip("/")
        self._scrubber = Scrubber(token)
        # An empty header keeps the hub's client from sending a token that it finds by itself.
        self._headers = {"Authorization": f"Bearer {token}" if token else ""}
        self._timeout = httpx.Timeout(model.timeout_s, connect=model.connect_timeout_s, pool=None)
        self._trust = trust(model.ca_file)
        set_async_client_factory(http_client)
        self._chat = self._client(self._base)
        self._tei = self._client(f"{self._base}/embed")
        TRUSTED.set(self._trust)
        self._http = http_client(headers=self._headers, timeout=self._timeout)
        self._embeddings_url = f"{self._base.removesuffix('/v1')}/v1/embeddings"

    # Any: the client's overloads can't be called with arguments that are only known here.
    def _client(self, url: str) -> Any:
        timeout: Any = self._timeout
        return AsyncInferenceClient(base_url=url, headers=self._headers, timeout=timeout)

    async def close(self) -> None:
        """Closes the connections."""
        await self._chat.close()
        await self._tei.close()
        await self._http.aclose()

    async def answer(
        self, query: Query, instructions: str, timeout_s: float, on_text: OnText | None = None
    ) -> Answer:
        """One attempt, within ``timeout_s``; with ``on_text`` each piece of text as it comes.

        Raises:
            ModelError: no answer, whatever the reason.
        """
        try:
            return await self._ask(query, instructions, timeout_s, on_text)
        except ModelError as error:
            # Not from it: what the server said may hold our token.
            raise self._scrubber.error(error) from None

    async def _ask(
        self, query: Query, instructions: str, timeout_s: float, on_text: OnText | None
    ) -> Answer:
        TRUSTED.set(self._trust)
        try:
            async with asyncio.timeout(timeout_s):
                return checked(await self._answer(query, instructions, on_text))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ModelError("unreachable", f"{self._model.endpoint}: {error!r}") from error
        except (TimeoutError, httpx.TimeoutException, InferenceTimeoutError) as error:
            raise ModelError("timeout", f"no answer within {timeout_s:.3g} s") from error
        except HfHubHTTPError as error:
            raise status_error(error.response, str(error)) from error
        except httpx.StreamError as error:
            raise _refused_stream(error) from error
        except httpx.HTTPStatusError as error:
            raise status_error(error.response, str(error)) from error
        except TextGenerationError as error:
            raise stream_error(error) from error
        except httpx.HTTPError as error:
            raise ModelError("server_error", f"connection broke: {error!r}") from error
        except NOT_AN_ANSWER as error:
            raise ModelError("bad_answer", f"not an answer: {error!r}") from error

    async def _answer(self, query: Query, instructions: str, on_text: OnText | None) -> Answer:
        if query.input is not None:
            return await self._embed(query)
        if on_text is not None:
            return await self._stream(query, instructions, on_text)
        return await self._complete(query, instructions)

    async def _complete(self, query: Query, instructions: str) -> Answer:
        output = await self._chat.chat_completion(**self._arguments(query, instructions))
        choice = output.choices[0]
        calls = choice.message.tool_calls
        text = choice.message.content
        if text is None and not calls:
            raise ModelError("bad_answer", "neither content nor tool calls")
        return Answer(
            text=text,
            tool_calls=[_plain(call) for call in calls] if calls else None,
            finish_reason=choice.finish_reason,
            usage=_usage(output.usage),
        )

    async def _stream(self, query: Query, instructions: str, on_text: OnText) -> Answer:
        arguments = self._arguments(query, instructions)
        # A client of its own: one that is shared keeps every stream open until it is closed.
        async with self._client(self._base) as client:
            pieces = _Pieces(loop_s(), on_text)
            limit_s = self._model.first_token_timeout_s
            try:
                async with asyncio.timeout(limit_s) as first:
                    stream = await client.chat_completion(
                        **arguments, stream=True, stream_options={"include_usage": True}
                    )
                    async for chunk in stream:
                        await pieces.take(chunk)
                        if pieces.first_s is not None:
                            first.reschedule(None)
            except TimeoutError as error:
                if not first.expired():
                    raise
                raise ModelError("timeout", f"no first token within {limit_s:g} s") from error
        return pieces.answer()

    def _arguments(self, query: Query, instructions: str) -> dict[str, Any]:
        messages: list[dict[str, Any]] = []
        if instructions:
            messages.append({"role": "system", "content": instructions})
        if query.messages is not None:
            messages += [_plain(message) for message in query.messages]
        else:
            messages.append({"role": "user", "content": query.prompt})
        model = {"model": self._model.served_name} if self._model.served_name else {}
        return {"messages": messages, **model, **_plain(query.parameters)}

    async def _embed(self, query: Query) -> Answer:
        texts = [query.input] if isinstance(query.input, str) else list(query.input or [])
        if self._model.protocol == "openai":
            rows, usage = await self._embed_openai(texts)
        else:
            array = await self._tei.feature_extraction(texts, normalize=True)
            rows, usage = array.tolist(), Usage()
        _check_embeddings(rows, len(texts), self._model.dimension)
        return Answer(embeddings=rows, finish_reason="stop", usage=usage)

    async def _embed_openai(self, texts: list[str]) -> tuple[list[list[float]], Usage]:
        body = {"input": texts, "model": self._model.served_name or "default"}
        response = await self._http.post(self._embeddings_url, json=body)
        response.raise_for_status()
        answer = response.json()
        rows = sorted(answer["data"], key=lambda row: row["index"])
        used = answer.get("usage") or {}
        return [row["embedding"] for row in rows], Usage(
            prompt_tokens=counted(used.get("prompt_tokens"))
        )


@dataclass
class _Pieces:
    """A streamed answer as it comes."""

    started_s: float
    on_text: OnText
    texts: list[str] = field(default_factory=list)
    first_s: float | None = None
    finish: str | None = None
    usage: Usage = field(default_factory=Usage)

    async def take(self, chunk: Any) -> None:
        if chunk.usage is not None:
            self.usage = _usage(chunk.usage)
        for choice in chunk.choices[:1]:
            self.finish = choice.finish_reason or self.finish
            if text := choice.delta.content:
                if not isinstance(text, str):
                    raise ModelError("bad_answer", f"a piece of text is {type(text).__name__}")
                text = readable(text)
                if self.first_s is None:
                    self.first_s = loop_s() - self.started_s
                self.texts.append(text)
                await self.on_text(text)

    def answer(self) -> Answer:
        if self.finish is None:
            raise ModelError("server_error", "the stream ended before its end")
        return Answer(
            text="".join(self.texts),
            finish_reason=self.finish,
            usage=self.usage,
            first_token_s=self.first_s,
        )


def _refused_stream(error: httpx.StreamError) -> ModelError:
    """Of a stream that was refused with a 422 the hub's client quotes words that weren't read."""
    refusal = error.__context__
    if isinstance(refusal, HfHubHTTPError):
        return status_error(refusal.response, str(refusal))
    return ModelError("server_error", f"the stream broke: {error!r}")


def _check_embeddings(rows: Any, expected: int, dimension: int | None) -> None:
    if len(rows) != expected:
        raise ModelError("bad_answer", f"{len(rows)} embeddings for {expected} inputs")
    width = dimension or len(rows[0]) or 1
    for row in rows:
        if len(row) != width:
            raise ModelError("bad_answer", f"an embedding has {len(row)} numbers, not {width}")
        if not all(math.isfinite(number) for number in row):
            raise ModelError("bad_answer", "an embedding has numbers that are not finite")


def _usage(tokens: Any) -> Usage:
    if tokens is None:
        return Usage()
    return Usage(
        prompt_tokens=counted(tokens.prompt_tokens),
        completion_tokens=counted(tokens.completion_tokens),
    )


def _plain(part: Any) -> dict[str, Any]:
    """A struct or the client's own object as a mapping, without what is not set."""
    names = getattr(part, "__struct_fields__", None)
    items: Mapping[str, Any] = (
        {name: getattr(part, name) for name in names} if names else dict(part)
    )
    return {name: value for name, value in items.items() if value is not None}
