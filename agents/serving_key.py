"""Who may use an HTTP server of ours: on loopback who is on this machine, elsewhere a key's holder.

The key is a bearer token. It is compared in constant time; what tells whether the server lives
needs none.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Middleware

OPEN_PATHS = frozenset({"/health", "/healthz", "/readyz"})
SHORTEST_KEY = 16

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class OpenServerError(ValueError):
    """A server would be open to everybody; the message says what to do."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there; a name other than localhost: no."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_key(host: str, key: str | None, named: str = "--key-variable or --key-file") -> None:
    """Refuses what would be open.

    Args:
        host: where it is to listen.
        key: the key, or None.
        named: how a key is named, for the message.

    Raises:
        OpenServerError: no key for an address that isn't loopback, or one that can be guessed.
    """
    if key is None and not is_loopback(host):
        raise OpenServerError(
            f"on {host} everybody who reaches it could use it: name a key with {named}, or listen "
            "on 127.0.0.1"
        )
    if key is not None and len(key) < SHORTEST_KEY:
        raise OpenServerError(f"the key must be at least {SHORTEST_KEY} characters that are secret")


def holds_key(authorization: str | None, key: str) -> bool:
    """Whether the header shows the key; takes as long whatever is wrong with it."""
    scheme, _, shown = (authorization or "").partition(" ")
    same = hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), key.encode())
    return same and scheme.lower() == "bearer"


def keyed(key: str) -> Middleware:
    """A middleware that answers 401 to whoever doesn't show the key."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN_PATHS or holds_key(request.headers.get("Authorization"), key):
            return await handler(request)
        return web.json_response(
            {"error": "a bearer key is needed", "error_type": "unauthorized"},
            status=401,
            headers={"WWW-Authenticate": "Bearer"},
        )

    return check
