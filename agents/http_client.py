"""HTTP connections to model endpoints: one way to make a client, and whom it trusts."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache

import httpx

TRUSTED: ContextVar[ssl.SSLContext | None] = ContextVar("trusted", default=None)
"""Set it before a client is made; None trusts the usual authorities.

The hub's client gets its connections from one factory for the whole process and takes no
arguments for it, and the endpoints of a process may trust different authorities.
"""


def trust(ca_file: str) -> ssl.SSLContext | None:
    """The context that trusts the authorities of a PEM file alone; None for an empty name."""
    return ssl.create_default_context(cafile=ca_file) if ca_file else None


def http_client(
    headers: Mapping[str, str] | None = None, timeout: httpx.Timeout | None = None
) -> httpx.AsyncClient:
    """A client that is cheap to make (the certificates are read once) and queues nothing."""
    return httpx.AsyncClient(
        headers=headers,
        timeout=timeout,
        verify=TRUSTED.get() or _usual(),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        # A server could have prompts sent, or our network asked, wherever it likes.
        follow_redirects=False,
    )


@cache
def _usual() -> ssl.SSLContext:
    return httpx.create_ssl_context()
