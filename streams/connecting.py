"""How every client of ours connects to Kafka: the one place that knows TLS, SASL and secrets.

Settings hold names only; the values are read here, when a client is made.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from streams.settings import Kafka, SettingsError
from streams.tolerant import install


class Secret(str):
    """Text that doesn't show itself, wherever a client's arguments may be printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __str__(self) -> str:
        return "***"

    def __format__(self, _: str, /) -> str:
        return "***"


def connection(kafka: Kafka, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The arguments of any aiokafka client that say where the broker is, and who asks.

    With TLS: 1.2 or newer, and the broker's certificate must name the host that is asked.

    Raises:
        SettingsError: a secret isn't where the settings say, or a key doesn't open or fit.
    """
    install()
    arguments: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        password = _variable(kafka.key_password_variable, "key_password_variable", environment)
        arguments["ssl_context"] = _context(
            kafka.ca_file, kafka.certificate_file, kafka.key_file, password
        )
    if kafka.security_protocol.startswith("SASL"):
        arguments["sasl_mechanism"] = kafka.sasl_mechanism
        arguments["sasl_plain_username"] = kafka.username
        arguments["sasl_plain_password"] = _password(kafka, environment)
    return arguments


def _password(kafka: Kafka, environment: Mapping[str, str]) -> Secret:
    if kafka.password_variable:
        return _variable(kafka.password_variable, "password_variable", environment)
    try:
        text = Path(kafka.password_file).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise _problem("password_file", f"can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise _problem("password_file", "isn't text") from None  # the cause would show its bytes
    if not text:
        raise _problem("password_file", "is empty")
    return Secret(text)


def _variable(name: str, key: str, environment: Mapping[str, str]) -> Secret:
    """The variable's value; nothing where no variable is named."""
    value = environment.get(name, "")
    if name and not value:
        raise _problem(key, "the variable that it names is not set, or is empty")
    return Secret(value)


def _problem(key: str, what: str) -> SettingsError:
    return SettingsError("environment", f"kafka.{key}", what)


# Once, and not for each client: reading the system's authorities takes a while.
@lru_cache(maxsize=8)
def _context(ca_file: str, certificate_file: str, key_file: str, key_password: Secret) -> Any:
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate_file:
        try:
            # Never without a password, or a locked key would ask for it on the terminal.
            context.load_cert_chain(
                certificate_file, key_file or None, password=str.__str__(key_password)
            )
        except (ssl.SSLError, OSError) as error:
            raise _problem(*_key_problem(certificate_file, key_file, key_password, error)) from None
    return context


def _key_problem(
    certificate_file: str, key_file: str, key_password: str, error: OSError
) -> tuple[str, str]:
    key = "key_file" if key_file else "certificate_file"
    path = key_file or certificate_file
    if "KEY_VALUES_MISMATCH" in str(error):
        return key, f"{path} is not the key of {certificate_file}"
    if key_password:
        return "key_password_variable", f"what it holds doesn't open {path}"
    return key, f"{path} holds no key that opens without a password (kafka.key_password_variable)"
