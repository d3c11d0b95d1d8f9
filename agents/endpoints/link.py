"""The way to one endpoint: its pool of connections, and what every request carries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from huggingface_hub import AsyncInferenceClient, constants, set_async_client_factory

from agents.http_client import EXACTLY, HEADERS, LENT, lent, open_pool, trust
from agents.reply import counted
from streams.settings import Model

USER_AGENT = "zeta-router"

NOBODYS = "none"
"""The hub's client gets it as a token, or it would look for one on disk at each call."""


class Link:
    """All calls to one endpoint share ``pool``.

    Args:
        model: where it is and what it speaks.
        token: bearer token, None for none. It is sent to this endpoint only, and the token that
            the hub's client would look for in the environment or on disk never is.
        transport: instead of the network, for tests.
    """

    def __init__(
        self, model: Model, token: str | None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.model = model
        self.base = model.endpoint.rstrip("/")
        self.root = self.base.removesuffix("/v1")
        # These names, in these letters, replace what the hub's client would send by itself.
        self._headers = {
            "authorization": f"Bearer {token}" if token else "",
            "user-agent": USER_AGENT,
        }
        self._timeout = httpx.Timeout(model.timeout_s, connect=model.connect_timeout_s, pool=None)
        self.pool = open_pool(self._headers, self._timeout, trust(model.ca_file), transport)
        set_async_client_factory(lent)
        # It would look, at each call, through some forty variables for what runs this process.
        constants.HF_HUB_DISABLE_TELEMETRY = True

    # Any: the client's overloads can't be called with arguments that are only known here.
    @asynccontextmanager
    async def client(self, url: str, exactly: Mapping[str, Any]) -> AsyncIterator[Any]:
        """The hub's client for one call; ``exactly`` are parts of its body that go out as they are.

        It closes its streams only when it is closed itself, so each call has one of its own; the
        connections are the pool's all the same. A stream that was left early takes its connection
        with it, which tells the server to stop.
        """
        LENT.set(self.pool)
        EXACTLY.set(exactly)
        timeout: Any = self._timeout
        async with AsyncInferenceClient(
            base_url=url, headers=self._headers, timeout=timeout, token=NOBODYS
        ) as client:
            yield client

    async def close(self) -> None:
        """Closes the connections."""
        await self.pool.aclose()


def header_count(name: str) -> int | None:
    """The count of tokens that the last reply's header tells; None where it has none."""
    text = HEADERS.get().get(name, "")
    return counted(int(text)) if text.isascii() and text.isdigit() and len(text) < 20 else None
