"""What a model's server says of its health and of itself.

``/health`` of TGI, TEI, llama.cpp, vLLM and SGLang; ``/info`` of TGI and TEI; ``/v1/models`` of
what speaks as OpenAI does. Only a server that can't be reached, or that says of itself that it is
not well (5xx), is down: one without such a route (4xx) is judged by its calls alone.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx
import msgspec

from agents.endpoints.failing import NOT_AN_ANSWER, words_of
from agents.endpoints.link import Link
from agents.http_client import RefusedError
from agents.model_error import readable
from agents.scrubbing import Scrubber
from schemas.model_status import ModelInfo
from streams.sections import Model

PROBE_TIMEOUT_S = 5.0
"""For each of the two questions."""

LONGEST_WORD = 200
T = TypeVar("T")


@dataclass(frozen=True)
class Seen:
    """What a look at a server found.

    ``problem``: why it can't be used now, if so; ``info``: what it says that it is, where it says
    so; ``mismatch``: what of that isn't as configured.
    """

    problem: str | None = None
    info: ModelInfo | None = None
    mismatch: str | None = None

    def scrubbed(self, scrubber: Scrubber) -> Seen:
        """The same, without a secret in the server's words."""
        problem, mismatch = (
            None if text is None else scrubber.text(text) for text in (self.problem, self.mismatch)
        )
        return replace(self, problem=problem, mismatch=mismatch)


class _Info(msgspec.Struct):
    """TGI's and TEI's /info, as far as it is of use."""

    model_id: str
    served_model_name: str | None = None
    version: str | None = None
    max_input_tokens: int | None = None
    max_input_length: int | None = None


class _Meta(msgspec.Struct):
    n_embd: int | None = None
    n_ctx: int | None = None
    n_ctx_train: int | None = None


class _Listed(msgspec.Struct):
    """One of /v1/models; the limits are vLLM's and llama.cpp's."""

    id: str
    max_model_len: int | None = None
    meta: _Meta | None = None


class _Models(msgspec.Struct):
    data: list[_Listed]


async def look(link: Link) -> Seen:
    """Asks the server; whatever it meets is told, and nothing raised."""
    problem = await _problem(link)
    if problem is not None:
        return Seen(problem)
    if link.model.protocol == "openai":
        listed = await _told(link, f"{link.root}/v1/models", _Models)
        return _of_listed(link.model, listed) if listed else Seen()
    info = await _told(link, f"{link.base}/info", _Info)
    return _of_info(link.model, info) if info else Seen()


async def _problem(link: Link) -> str | None:
    """Why the server can't be used, if so."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            await link.pool.get(f"{link.root}/health")
    except RefusedError as error:
        down = error.response.status_code >= 500
        return f"its /health says {words_of(error.response)}"[:LONGEST_WORD] if down else None
    except (TimeoutError, httpx.TimeoutException):
        return f"its /health gave no answer within {PROBE_TIMEOUT_S:g} s"
    except httpx.HTTPError as error:
        return f"its server can't be reached: {error!r}"[:LONGEST_WORD]
    except NOT_AN_ANSWER:  # it answers something
        return None
    return None


async def _told(link: Link, url: str, kind: type[T]) -> T | None:
    """What the server tells there; None where it tells nothing that can be read."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            response = await link.pool.get(url)
        return msgspec.json.decode(response.content, type=kind, strict=False)
    except (RefusedError, TimeoutError, httpx.HTTPError, *NOT_AN_ANSWER):
        return None


def _of_info(model: Model, told: _Info) -> Seen:
    info = ModelInfo(
        model_id=_word(told.model_id),
        version=_word(told.version),
        max_input_tokens=_positive(told.max_input_tokens or told.max_input_length),
    )
    return Seen(None, info, _mismatch(model, {told.model_id, told.served_model_name}, None))


def _of_listed(model: Model, told: _Models) -> Seen:
    known = {row.id: row for row in told.data}
    row = known.get(model.served_name) or next(iter(told.data), None)
    if row is None:
        return Seen()
    meta = row.meta or _Meta()
    info = ModelInfo(
        model_id=_word(row.id),
        max_input_tokens=_positive(row.max_model_len or meta.n_ctx or meta.n_ctx_train),
        dimension=_positive(meta.n_embd),
    )
    return Seen(None, info, _mismatch(model, known.keys(), info.dimension))


def _mismatch(model: Model, names: Any, dimension: int | None) -> str | None:
    """What the settings have otherwise; nothing is refused for it."""
    if model.served_name and model.served_name not in names:
        served = ", ".join(sorted(name for name in names if name))
        said = f"served_name is {model.served_name}, and the server serves {served}"
        return readable(said[:LONGEST_WORD])
    embeds = "embedding" in model.serves
    if embeds and model.dimension and dimension and model.dimension != dimension:
        return f"dimension is {model.dimension}, and the server's is {dimension}"
    return None


def _word(text: str | None) -> str | None:
    return None if text is None else readable(text[:LONGEST_WORD])


def _positive(number: int | None) -> int | None:
    return number if number is not None and 0 < number < 2**53 else None
