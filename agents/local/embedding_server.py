"""Serve an embedder with the HTTP shape of TEI (Text Embeddings Inference).

`POST /embed`, `POST /v1/embeddings`, `GET /health`, `GET /info`. Errors are TEI's:
`{"error": …, "error_type": …}` with 400, 413 or 422.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import msgspec
from aiohttp import web

from agents.local.embedder import DIMENSION, MAX_TOKENS, Embedder, TextTooLongError, Vector

MAX_BATCH: Final = 32
SHUTDOWN_S: Final = 1.0


class EmbedRequest(msgspec.Struct, frozen=True):
    """Body of `/embed`."""

    inputs: str | list[str]
    normalize: bool = True
    truncate: bool = False


class OpenAIRequest(msgspec.Struct, frozen=True):
    """Body of `/v1/embeddings`. `model` is read by nobody: one server, one model."""

    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"


@dataclass(frozen=True, slots=True)
class Identity:
    """What `/info` tells."""

    name: str
    vector_space: str
    dtype: str


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of one request, in the order of its texts, and the tokens read."""

    vectors: list[Vector]
    tokens: int


def serve_embedder(load: Callable[[], Embedder], identity: Identity, host: str, port: int) -> None:
    """Load, then listen until SIGTERM or SIGINT; call it from the main thread.

    Before the model is loaded connections are refused, so `/health` never lies.

    Raises:
        OSError: the port is taken.
    """
    app = embedding_app(load(), identity)
    web.run_app(app, host=host, port=port, print=None, access_log=None, shutdown_timeout=SHUTDOWN_S)


def embedding_app(embedder: Embedder, identity: Identity) -> web.Application:
    """Build the application. Texts are computed one at a time, off the event loop."""
    endpoints = _Endpoints(embedder, identity, ThreadPoolExecutor(max_workers=1))
    app = web.Application(middlewares=[_refuse])
    app.add_routes(
        [
            web.post("/embed", endpoints.embed),
            web.post("/v1/embeddings", endpoints.openai),
            web.get("/health", endpoints.health),
            web.get("/info", endpoints.info),
        ]
    )
    app.on_cleanup.append(endpoints.close)
    return app


class _RefusedError(Exception):
    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.kind = kind


@web.middleware
async def _refuse(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except _RefusedError as refused:
        status, kind, reason = refused.status, refused.kind, str(refused)
    except TextTooLongError as long:
        status, kind, reason = 413, "Validation", str(long)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as malformed:
        status, kind, reason = 422, "Validation", str(malformed)
    except web.RequestPayloadError as unreadable:
        status, kind, reason = 400, "Validation", str(unreadable)
    except web.HTTPRequestEntityTooLarge as large:
        status, kind, reason = 413, "Validation", large.reason
    return web.json_response({"error": reason, "error_type": kind}, status=status)


@dataclass(frozen=True, slots=True)
class _Endpoints:
    embedder: Embedder
    identity: Identity
    executor: ThreadPoolExecutor

    async def embed(self, request: web.Request) -> web.Response:
        body = msgspec.json.decode(await request.read(), type=EmbedRequest)
        done = await self._run(body.inputs, truncate=body.truncate, normalize=body.normalize)
        return _json([vector.tolist() for vector in done.vectors])

    async def openai(self, request: web.Request) -> web.Response:
        body = msgspec.json.decode(await request.read(), type=OpenAIRequest)
        done = await self._run(body.input, truncate=False, normalize=True)
        rows = [
            {"object": "embedding", "index": index, "embedding": _encoded(vector, body)}
            for index, vector in enumerate(done.vectors)
        ]
        usage = {"prompt_tokens": done.tokens, "total_tokens": done.tokens}
        return _json({"object": "list", "data": rows, "model": self.identity.name, "usage": usage})

    async def health(self, _: web.Request) -> web.Response:
        return web.Response()

    async def info(self, _: web.Request) -> web.Response:
        return _json(
            {
                "model_id": self.identity.name,
                "model_dtype": self.identity.dtype,
                "model_type": {"embedding": {"pooling": "mean"}},
                "max_input_length": MAX_TOKENS,
                "max_client_batch_size": MAX_BATCH,
                "vector_space": self.identity.vector_space,
                "dimension": DIMENSION,
            }
        )

    async def close(self, _: web.Application) -> None:
        self.executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, inputs: str | list[str], *, truncate: bool, normalize: bool) -> Embedded:
        texts = [inputs] if isinstance(inputs, str) else inputs
        if not texts:
            raise _RefusedError(400, "Empty", "there is no text to embed")
        if len(texts) > MAX_BATCH:
            raise _RefusedError(413, "Validation", f"a batch has at most {MAX_BATCH} texts")
        batch = [self.embedder.tokens(text, truncate=truncate) for text in texts]
        embed = partial(self.embedder.embed, normalize=normalize)
        loop = asyncio.get_running_loop()
        vectors = [await loop.run_in_executor(self.executor, embed, ids) for ids in batch]
        return Embedded(vectors, sum(map(len, batch)))


def _encoded(vector: Vector, body: OpenAIRequest) -> list[float] | str:
    if body.encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    floats: list[float] = vector.tolist()
    return floats


def _json(body: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")
