"""Secrets out of what others say: a server may repeat in its error what it was sent. Pure."""

from __future__ import annotations

import base64
import math
import re
from urllib.parse import quote, quote_plus

from agents.model_error import ModelError

REMOVED = "[secret]"
SHORTEST = 4
"""A shorter text isn't looked for: it would be found everywhere."""


class Scrubber:
    """Takes a secret out of texts: as it is, percent-encoded, or within base64 of either sort.

    A secret that is cut off at the end of a text, which may have been shortened, goes as well, if
    at least ``SHORTEST`` characters of it are there.
    """

    def __init__(self, secret: str | None) -> None:
        self._forms = _forms(secret) if secret and len(secret) >= SHORTEST else ()
        self._pattern = re.compile("|".join(map(re.escape, self._forms)), re.IGNORECASE)

    def text(self, text: str) -> str:
        """The text without the secret."""
        if not self._forms:
            return text
        text = self._pattern.sub(REMOVED, text)
        for form in self._forms:
            for length in range(min(len(form), len(text)), SHORTEST - 1, -1):
                if text.endswith(form[:length]):
                    return text[:-length] + REMOVED
        return text

    def error(self, error: ModelError) -> ModelError:
        """The same error, without the secret in its message."""
        said = self.text(error.message)
        return ModelError(error.kind, said, error.retry_after_s, asked=error.asked)


def _forms(secret: str) -> tuple[str, ...]:
    """How the secret may be written, longest first."""
    plain = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}
    encoded = {part for shift in range(3) for part in _within_base64(secret.encode(), shift)}
    return tuple(sorted(plain | encoded, key=lambda form: (-len(form), form)))


def _within_base64(secret: bytes, shift: int) -> set[str]:
    """The digits that are the secret's alone, when so many bytes (modulo 3) stand before it."""
    first, last = math.ceil(shift * 8 / 6), (shift + len(secret)) * 8 // 6
    padded = b"\0" * shift + secret
    both = (base64.b64encode(padded), base64.urlsafe_b64encode(padded))
    found = {digits.decode()[first:last] for digits in both}
    return {digits for digits in found if len(digits) >= SHORTEST}
