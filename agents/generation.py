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
from huggingface_hub import AsyncInferenceClient
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError

from schemas.assignment import ErrorKind
from schemas.query import Query
from schemas.response import Usage
from streams.settings import Model

OnText: TypeAlias = Callable[[str], Awaitable[None]]

TRANSIENT: frozenset[ErrorKind] = frozenset({"unreachable", "overloaded", "server_error"})
"""Errors that may pass by themselves: the worker tries again before it gives up on the model."""

LONGEST_MESSAGE = 500


class ModelError(Exception):
    """A model gave no answer; ``retry_after_s`` is what it asked for, if it did."""

    def __init__(self, kind: ErrorKind, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{kind}: {message[:LONGEST_MESSAGE]}")
        self.kind = kind
        self.message = message[:LONGEST_MESSAGE]
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Answer:
    """What a model said: a text (perhaps tool calls), or one embedding per input."""

    text: str | None = None
    embeddings: list[list[float]] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    first_token_s: float | None = None


class Endpoint:
    """One model's endpoint.

    Args:
        model: where it is and what it speaks.
        token: bearer token, None for none. It is sent to this endpoint only, and the token that
            the hub's client would look for in the environment or on disk never is.
    """

    def __init__(self, model: Model, token: str | None) -> None:
        self._model = model
        base = model.endpoint.rstrip("/")
        headers = {"Authorization": f"Bearer {token}" if token else ""}
        # Any: the client's overloads can't be called with arguments that are only known here.
        self._chat: Any = AsyncInferenceClient(
            base_url=base, headers=headers, timeout=model.timeout_s
        )
        self._tei: Any = AsyncInferenceClient(
            base_url=f"{base}/embed", headers=headers, timeout=model.timeout_s
        )
        self._http = httpx.AsyncClient(headers=headers, timeout=model.timeout_s)
        self._embeddings_url = f"{base.removesuffix('/v1')}/v1/embeddings"

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
            async with asyncio.timeout(timeout_s):
                if query.input is not None:
                    return await self._embed(query)
                if on_text is not None:
                    return await self._stream(query, instructions, on_text)
                return await self._complete(query, instructions)
        except (TimeoutError, httpx.TimeoutException, InferenceTimeoutError) as error:
            raise ModelError("timeout", f"no answer within {timeout_s:.3g} s") from error
        except HfHubHTTPError as error:
            raise _status_error(error.response, str(error)) from error
        except httpx.HTTPStatusError as error:
            raise _status_error(error.response, str(error)) from error
        except httpx.ConnectError as error:
            raise ModelError("unreachable", f"{self._model.endpoint}: {error}") from error
        except httpx.HTTPError as error:
            raise ModelError("server_error", f"connection broke: {error!r}") from error
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise ModelError("bad_answer", f"not an answer: {error!r}") from error

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
        clock = asyncio.get_running_loop().time
        started = clock()
        pieces: list[str] = []
        first_s: float | None = None
        finish, usage = None, Usage()
        arguments = self._arguments(query, instructions)
        stream = await self._chat.chat_completion(
            **arguments, stream=True, stream_options={"include_usage": True}
        )
        async for chunk in stream:
            if chunk.usage is not None:
                usage = _usage(chunk.usage)
            for choice in chunk.choices[:1]:
                finish = choice.finish_reason or finish
                if choice.delta.content:
                    first_s = clock() - started if first_s is None else first_s
                    pieces.append(choice.delta.content)
                    await on_text(choice.delta.content)
        if finish is None:
            raise ModelError("server_error", "the stream ended before its end")
        return Answer(
            text="".join(pieces), finish_reason=finish, usage=usage, first_token_s=first_s
        )

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
        counted = answer.get("usage") or {}
        return [row["embedding"] for row in rows], Usage(prompt_tokens=counted.get("prompt_tokens"))


def _check_embeddings(rows: Any, expected: int, dimension: int | None) -> None:
    if len(rows) != expected:
        raise ModelError("bad_answer", f"{len(rows)} embeddings for {expected} inputs")
    width = dimension or len(rows[0])
    for row in rows:
        if len(row) != width:
            raise ModelError("bad_answer", f"an embedding has {len(row)} numbers, not {width}")
        if not all(math.isfinite(number) for number in row):
            raise ModelError("bad_answer", "an embedding has numbers that are not finite")


def _usage(counted: Any) -> Usage:
    if counted is None:
        return Usage()
    return Usage(prompt_tokens=counted.prompt_tokens, completion_tokens=counted.completion_tokens)


def _plain(part: Any) -> dict[str, Any]:
    """A struct or the client's own object as a mapping, without what is not set."""
    names = getattr(part, "__struct_fields__", None)
    items: Mapping[str, Any] = (
        {name: getattr(part, name) for name in names} if names else dict(part)
    )
    return {name: value for name, value in items.items() if value is not None}


def _status_error(response: httpx.Response, message: str) -> ModelError:
    status = response.status_code
    if status in (429, 503):
        return ModelError("overloaded", message, _retry_after_s(response))
    if status >= 500 or status == 408:
        return ModelError("server_error", message, _retry_after_s(response))
    return ModelError("rejected", message)


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds, where Retry-After is a number; its date form is left to the backoff."""
    try:
        seconds = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return seconds if 0 <= seconds < math.inf else None
