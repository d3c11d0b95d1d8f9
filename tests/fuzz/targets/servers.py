"""Servers of ours, over real sockets: whatever is sent, they refuse it or answer, at once."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
from typing import Any

import numpy as np
from aiohttp import web

from agents.local.embedder import DIMENSION, Embedder
from agents.local.embedding_server import Identity, embedding_app
from agents.simulation.profile import Latency, SimModel
from agents.simulation.server import serve
from tests.fuzz.shaping import Choices, shaped
from tests.fuzz.stage import finish
from tests.fuzz.target import Target

LONGEST_S = 10.0
ROUTES = (
    *("/", "/generate", "/generate_stream", "/v1/chat/completions", "/embed", "/embeddings"),
    *(
        "/v1/embeddings",
        "/sim/profile",
        "/sim/requests",
        "/info",
        "/health",
        "/metrics",
        "/nowhere",
    ),
)
BODIES: tuple[Any, ...] = (
    {
        "inputs": "1 + 1",
        "parameters": {"max_new_tokens": 9, "details": True, "seed": 1, "stop": ["x"]},
    },
    {"inputs": ["a", "b"], "normalize": False, "truncate": True, "dimensions": 4},
    {"input": "x", "encoding_format": "base64", "model": "m", "dimensions": 2},
    {"messages": [{"role": "user", "content": "sim-answer: x"}], "stream": True, "seed": 3},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "1 + 1"}]}], "stop": "x"},
    {"accuracy": {"code": 0.5}, "latency": {"median_s": 0.0}, "retry_after_s": 1},
)
TYPES = (
    b"application/json",
    b"application/json",
    b"text/plain",
    b"application/json; charset=x",
    b"",
)


class _Encoded:
    def __init__(self, text: str) -> None:
        self.ids = [1] * min(300, len(text))


class _Tokenizer:
    def encode(self, text: str) -> _Encoded:
        text.encode()
        return _Encoded(text)


async def _local() -> int:
    embedder = Embedder(_Tokenizer(), lambda ids: np.ones((len(ids) + 1, DIMENSION), np.float32))
    app = embedding_app(embedder, Identity("m", "s", "float32"))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return int(runner.addresses[0][1])


async def _sim(protocol: Any) -> int:
    model = SimModel(
        name="m", protocol=protocol, dimension=8, latency=Latency(median_s=0.0), seed=1
    )
    return (await serve(model)).port


@functools.cache
def _port(name: str) -> int:
    port: int = finish(_local() if name == "local" else _sim(name))
    return port


def _request(choices: Choices) -> bytes:
    method = choices.of((b"POST", b"POST", b"POST", b"GET", b"PUT"))
    path, kind = choices.of(ROUTES).encode(), choices.of(TYPES)
    what = choices.number(8)
    body = choices.rest() if what == 0 else shaped(choices, BODIES, 3)
    if what == 1:
        body = b"[" * 5000 + body
    extra = choices.of((b"", b"", b"", b"Content-Encoding: gzip\r\n", b"Expect: 100-continue\r\n"))
    return (
        b"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s"
        % (
            method,
            path,
            kind,
            extra,
            len(body),
            body,
        )
    )


async def _exchange(port: int, request: bytes, *, ends: bool = False) -> bytes:
    async with asyncio.timeout(LONGEST_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            linger = writer.get_extra_info("socket")
            linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.write(request)
            if ends:
                writer.write_eof()
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


def _status(said: bytes) -> int:
    return int(said[9:12]) if said.startswith(b"HTTP/1.") else 0


def server(data: bytes) -> None:
    """A request for one of the servers: answered, or refused with a 4xx."""
    choices = Choices(data)
    name = choices.of(("tgi", "tei", "openai", "local"))
    said = finish(_exchange(_port(name), _request(choices)))
    assert _status(said) < 500, said[:300]
    if name != "local":  # a patch may have made the model slow, or faulty
        finish(_exchange(_port(name), _RESET))


_PROFILE = json.dumps(
    {
        "accuracy": 1.0,
        "latency": {"median_s": 0.0, "p95_s": None},
        "dimension": 8,
        **dict.fromkeys(("error_rate", "hang_rate", "garbage_rate", "truncate_rate"), 0.0),
        "healthy": True,
        "tokens_per_s": 0.0,
        "max_concurrent_requests": 128,
        "max_input_tokens": 4096,
        "max_total_tokens": 8192,
    }
).encode()
_RESET = (
    b"POST /sim/profile HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    % (
        len(_PROFILE),
        _PROFILE,
    )
)


def raw_http(data: bytes) -> None:
    """Bytes that may be no HTTP at all."""
    choices = Choices(data)
    name = choices.of(("tgi", "local"))
    said = finish(_exchange(_port(name), choices.rest() + b"\r\n\r\n", ends=True))
    assert _status(said) < 500, said[:300]


TARGETS = (
    Target("http-bodies", server, most_bytes=512, slowest_s=3.0),
    Target(
        "http-raw",
        raw_http,
        seeds=lambda: [b"\0GET /info HTTP/1.1\r\nHost: x\r\nConnection: close"],
        most_bytes=512,
        slowest_s=3.0,
    ),
)
