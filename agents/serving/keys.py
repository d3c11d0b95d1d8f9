"""Who may use the gateway: lines ``name=key``, in a variable or a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agents.serving_key import SHORTEST_KEY, holds_key, is_loopback
from streams.secret_source import read_secret
from streams.sections import NAME_PATTERN
from streams.serving_sections import Gateway
from streams.table_check import SettingsError

LOCAL = "local"
"""Who everybody is where there are no keys."""

_NAME = re.compile(NAME_PATTERN)


@dataclass(frozen=True)
class Keys:
    """Keys by their holder's name; none: whoever reaches the server may use it."""

    by_name: Mapping[str, str]

    def holder(self, authorization: str | None) -> str | None:
        """The name of the key that the header shows, None for no such key.

        Every key is compared, each in constant time: how long it takes tells nothing.
        """
        if not self.by_name:
            return LOCAL
        found = [name for name, key in self.by_name.items() if holds_key(authorization, key)]
        return found[0] if found else None


def read_keys(gateway: Gateway, environment: Mapping[str, str]) -> Keys:
    """The keys that the settings name.

    Raises:
        SettingsError: they can't be read, can be guessed, or there are none for an address that
            isn't loopback. No message tells a key.
    """
    text = read_secret("gateway.keys", gateway.keys_variable, gateway.keys_file, environment)
    if text is None and not is_loopback(gateway.host):
        problem = (
            f"on {gateway.host} everybody who reaches it could use it: name keys with "
            "gateway.keys_variable or gateway.keys_file, or listen on 127.0.0.1"
        )
        raise SettingsError("settings", "gateway.host", problem)
    return Keys({} if text is None else _parsed(text))


def _parsed(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, key = (part.strip() for part in line.partition("="))
        if problem := _problem(name, key, found):
            raise SettingsError("environment", "gateway.keys", f"line {number}: {problem}")
        found[name] = key
    if not found:
        raise SettingsError("environment", "gateway.keys", "no line is name=key")
    return found


def _problem(name: str, key: str, known: Mapping[str, str]) -> str | None:
    if not _NAME.fullmatch(name) or not key:
        return "must be name=key; a name has letters, digits, . _ -"
    if len(key) < SHORTEST_KEY:
        return f"the key must be at least {SHORTEST_KEY} characters that are secret"
    if not (key.isascii() and key.isprintable() and " " not in key):
        return "the key must be visible ASCII characters, without spaces"
    if name in known or key in known.values():
        return "its name or its key comes twice"
    return None
