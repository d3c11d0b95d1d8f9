"""Whether the settings of ``[kafka]`` fit together, before anything starts."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from streams.sections import Kafka
from streams.table_check import Where

Problem: TypeAlias = tuple[str, str]
"""A key of ``[kafka]``, and what is wrong with it. Never a value that might be a secret."""

_PASSWORD = ("password_variable", "password_file")
LITERAL = {
    "password": _PASSWORD,
    "sasl_password": _PASSWORD,
    "sasl_plain_password": _PASSWORD,
    "key_password": ("key_password_variable",),
}

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TLS = ("ca_file", "certificate_file", "key_file", "key_password_variable")
_SASL = ("username", "password_variable", "password_file")


def refuse_literals(table: Mapping[str, Any], where: Where) -> None:
    """Refuses a password that stands in the settings themselves.

    Raises:
        SettingsError: names the key and what to use, not the password.
    """
    for key, instead in LITERAL.items():
        if key in table:
            names = " or ".join(f"kafka.{name}" for name in instead)
            problem = f"a password has no place in settings; say where it is kept, with {names}"
            raise where.error(f"kafka.{key}", problem)


def check_kafka(kafka: Kafka, where: Where) -> None:
    """Looks at the files that are named, too.

    Raises:
        SettingsError: the first thing that is wrong.
    """
    if kafka.min_in_sync > kafka.replication:
        problem = f"must be at most kafka.replication ({kafka.replication})"
        raise where.error("kafka.min_in_sync", f"{problem}; got {kafka.min_in_sync}")
    if "@" in kafka.bootstrap:
        problem = "must hold no user or password: see kafka.username and kafka.password_file"
        raise where.error("kafka.bootstrap", problem)
    for server in kafka.bootstrap.split(","):
        host, _, port = server.strip().rpartition(":")
        if (
            not host
            or "/" in host
            or not port.isdecimal()
            or len(port) > 5
            or not 0 < int(port) < 65536
        ):
            problem = f"must be host:port, or several with commas between; got {server!r}"
            raise where.error("kafka.bootstrap", problem)
    for key, problem in _problems(kafka):
        raise where.error(f"kafka.{key}", problem)


def _problems(kafka: Kafka) -> Iterator[Problem]:
    yield from _variables(kafka)
    yield from _unused(kafka)
    if kafka.security_protocol.startswith("SASL"):
        yield from _sasl(kafka)
    if kafka.key_file and not kafka.certificate_file:
        yield "key_file", "needs its certificate: set kafka.certificate_file"
    if kafka.key_password_variable and not kafka.certificate_file:
        yield "key_password_variable", "needs a key: set kafka.certificate_file and kafka.key_file"
    for key in ("password_file", "ca_file", "certificate_file", "key_file"):
        yield from _unreadable(kafka, key)
    yield from _no_certificate(kafka)


def _variables(kafka: Kafka) -> Iterator[Problem]:
    for key in ("password_variable", "key_password_variable"):
        name = getattr(kafka, key)
        if name and not _VARIABLE.fullmatch(name):
            yield key, "must be the name of an environment variable, not what it holds"


def _unused(kafka: Kafka) -> Iterator[Problem]:
    """What would be set and have no effect: someone believes that it has."""
    protocol = kafka.security_protocol
    if not protocol.endswith("SSL"):
        for key in _TLS:
            if getattr(kafka, key):
                yield key, f"has no effect: kafka.security_protocol is {protocol}, without TLS"
    if not protocol.startswith("SASL"):
        for key in _SASL:
            if getattr(kafka, key):
                yield key, f"has no effect: kafka.security_protocol is {protocol}, without SASL"


def _sasl(kafka: Kafka) -> Iterator[Problem]:
    needs = f"kafka.security_protocol is {kafka.security_protocol}"
    if not kafka.username:
        yield "username", f"is missing; {needs}"
    if not kafka.password_variable and not kafka.password_file:
        yield "password_variable", f"is missing (or kafka.password_file); {needs}"
    if kafka.password_variable and kafka.password_file:
        yield "password_file", "is one too many beside kafka.password_variable"


def _unreadable(kafka: Kafka, key: str) -> Iterator[Problem]:
    path = getattr(kafka, key)
    if not path:
        return
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        yield key, f"{path} can't be read: {error.strerror}"


def _no_certificate(kafka: Kafka) -> Iterator[Problem]:
    for key in ("ca_file", "certificate_file"):
        if (path := getattr(kafka, key)) and not _holds_certificate(Path(path)):
            yield key, f"{path} holds no certificate in PEM form"


def _holds_certificate(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return False
    return True
