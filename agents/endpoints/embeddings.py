"""Embeddings: TEI's /embed, and OpenAI's /v1/embeddings."""

from __future__ import annotations

import math
from typing import Any

from agents.endpoints.link import Link, header_count
from agents.model_error import ModelError
from agents.reply import Answer, counted
from schemas.query import Query
from schemas.response import Usage


async def tei_embed(link: Link, query: Query) -> Answer:
    """One vector per input, in order; the tokens are those of TEI's header."""
    texts, model = _texts(query), link.model
    async with link.client(f"{link.base}/embed", {}) as client:
        array = await client.feature_extraction(
            texts, normalize=model.normalize, truncate=model.truncate or None
        )
    return _answer(link, texts, array.tolist(), header_count("x-compute-tokens"))


async def openai_embed(link: Link, query: Query) -> Answer:
    """One vector per input, in order of their indexes."""
    texts = _texts(query)
    body = {"input": texts, "model": link.model.served_name or "default"}
    response = await link.pool.post(f"{link.root}/v1/embeddings", json=body)
    told = response.json()
    rows = sorted(told["data"], key=lambda row: row["index"])
    tokens = counted((told.get("usage") or {}).get("prompt_tokens"))
    return _answer(link, texts, [row["embedding"] for row in rows], tokens)


def _texts(query: Query) -> list[str]:
    return [query.input] if isinstance(query.input, str) else list(query.input or [])


def _answer(link: Link, texts: list[str], rows: Any, tokens: int | None) -> Answer:
    _check(rows, len(texts), link.model.dimension)
    usage = Usage(prompt_tokens=tokens)
    return Answer(embeddings=rows, finish_reason="stop", usage=usage)


def _check(rows: Any, expected: int, dimension: int | None) -> None:
    if len(rows) != expected:
        raise ModelError("bad_answer", f"{len(rows)} embeddings for {expected} inputs")
    width = dimension or len(rows[0]) or 1
    for row in rows:
        if len(row) != width:
            raise ModelError("bad_answer", f"an embedding has {len(row)} numbers, not {width}")
        if not all(math.isfinite(number) for number in row):
            raise ModelError("bad_answer", "an embedding has numbers that are not finite")
