"""Who may see the page: a key as a bearer token, or a cookie that whoever showed it once gets."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

from agents.serving_key import holds_key, is_loopback

COOKIE = "zeta-dashboard"
LASTS_S = 12 * 3600

Clock = Callable[[], int]


class Sessions:
    """Cookies that the key itself vouches for: they outlive a restart, and end with the key.

    Args:
        key: the secret; None: everybody who gets here may see the page.
        now_ms: Unix time in milliseconds.
    """

    def __init__(self, key: str | None, now_ms: Clock) -> None:
        self._key = key
        self._now_ms = now_ms

    @property
    def needs_key(self) -> bool:
        """Whether there is a key to show."""
        return self._key is not None

    def admits(self, headers: Mapping[str, str], cookie: str | None) -> bool:
        """Whether a request shows the key, or a cookie that still holds."""
        if self._key is None or holds_key(headers.get("Authorization"), self._key):
            return True
        until, _, mark = (cookie or "").partition(".")
        if not (until.isascii() and until.isdecimal() and len(until) <= 16):
            return False
        same = hmac.compare_digest(mark.encode("utf-8", "replace"), self._mark(until).encode())
        return same and int(until) > self._now_ms()

    def opens(self, shown: str) -> bool:
        """Whether this is the key; takes as long whatever is wrong with it."""
        return self._key is not None and holds_key(f"Bearer {shown}", self._key)

    def cookie(self) -> str:
        """What a browser is given that showed the key: until when it holds, and a mark."""
        until = str(self._now_ms() + LASTS_S * 1000)
        return f"{until}.{self._mark(until)}"

    def _mark(self, until: str) -> str:
        key = (self._key or "").encode()
        return hmac.new(key, f"{COOKIE}:{until}".encode(), hashlib.sha256).hexdigest()


def names_us(host_header: str | None, listens_on: str) -> bool:
    """Whether a request's Host is this machine's, where only this machine may ask.

    A page of another site can point a name of its own at 127.0.0.1; its Host tells.
    """
    if not is_loopback(listens_on):
        return True
    name = (host_header or "").rpartition(":")[0] if _has_port(host_header or "") else host_header
    return is_loopback((name or "").strip("[]").lower())


def _has_port(host: str) -> bool:
    name, colon, port = host.rpartition(":")
    return bool(colon) and port.isdecimal() and (name.endswith("]") or ":" not in name)
