"""Where a secret is: a setting names a variable or a file, and never holds what is in it.

``<name>_variable`` is the name of an environment variable, ``<name>_file`` the path of a file such
as a container's secret: its text, without the line break at its end. No message tells a value, nor
what was written where a name belongs: it might be the secret itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from streams.table_check import SettingsError

LARGEST_BYTES = 64 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What may be told: nobody's token looks so, and most variables do.
_PLAIN_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_CREDENTIALS = re.compile(r"://[^/?#]*@")


def source_problem(variable: str, file: str) -> tuple[str, str] | None:
    """What is wrong with a pair of settings: the key's ending, and what is allowed; or None."""
    if variable and not _VARIABLE.fullmatch(variable):
        return "variable", "must be the name of an environment variable, not what it holds"
    if variable and file:
        return "file", "is one too many: the secret is in a variable or in a file"
    return None


def has_credentials(url: str) -> bool:
    """Whether a user or a password stands in a URL, or in one of several with ``::`` between."""
    return _CREDENTIALS.search(url) is not None


def endpoint_problem(url: str) -> str | None:
    """What in an endpoint's URL may be a secret; None: nothing. Doesn't tell it."""
    if "@" in url:
        return "must hold no user or password: put a token into token_variable or token_file"
    if "?" in url or "#" in url:
        return "must hold no query: a key goes into token_variable or token_file"
    return None


def read_secret(key: str, variable: str, file: str, environment: Mapping[str, str]) -> str | None:
    """The secret; None where neither a variable nor a file is named.

    Args:
        key: the settings' key without its ending: ``models.code-7b.token``.
        variable: its name, as the settings have it.
        file: its path.
        environment: the variables.

    Raises:
        SettingsError: it isn't there, is empty, or no text.
    """
    if variable:
        value = environment.get(variable, "")
        if not value:
            name = variable if _PLAIN_NAME.fullmatch(variable) else "the variable that it names"
            raise SettingsError("environment", f"{key}_variable", f"{name} is not set, or is empty")
        return value
    return _read_file(f"{key}_file", Path(file)) if file else None


def _read_file(key: str, path: Path) -> str:
    try:
        with path.open("rb") as opened:
            raw = opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise SettingsError("settings", key, f"can't be read: {error.strerror}") from error
    try:
        text = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SettingsError("settings", key, "isn't text") from None  # the cause shows its bytes
    if not text or len(raw) > LARGEST_BYTES:
        raise SettingsError("settings", key, "is empty" if not text else "is too long for a secret")
    return text


def read_token(key: str, variable: str, file: str, environment: Mapping[str, str]) -> str | None:
    """A secret that is sent in an HTTP header.

    Raises:
        SettingsError: as ``read_secret``, or it has characters that no header may have.
    """
    token = read_secret(key, variable, file, environment)
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        ending = "variable" if variable else "file"
        problem = "must be one line of visible ASCII characters, without spaces"
        raise SettingsError("environment", f"{key}_{ending}", problem)
    return token
