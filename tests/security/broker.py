"""The secured broker of these tests: SCRAM over TLS, mTLS, and who may do what."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.broker.layout import Layout
from streams.broker.node import Listener, Security
from streams.broker.ports import free_ports
from streams.broker.secured import SecuredBroker, secured
from streams.settings import Kafka
from tests.security.certificates import KEY_PASSWORD, Authority, Pair

SCRAM = "SCRAM"
MUTUAL = "MUTUAL"
EXPIRED = "EXPIRED"

NOBODY = "zeta-nobody"
PREFIX = "sec-"
MODELS = ("good", "plain")
WORKERS = ("worker-good", "worker-plain")
ROLES = ("router", "grader", "aggregator", "tuner", "archiver", "dashboard", "gateway", *WORKERS)
USERS = (*(f"zeta-{role}" for role in (*ROLES, "client", "operator", "admin")), NOBODY)

_SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass(frozen=True)
class Secured:
    """The broker, who signs its certificate, somebody else who signs, and the users' passwords."""

    broker: SecuredBroker
    authority: Authority
    stranger: Authority
    passwords: Mapping[str, str]

    @property
    def log(self) -> Path:
        """What the broker prints, its authorizer's decisions included."""
        return Layout.of(self.broker.directory).log

    def scram(self, user: str, **fields: Any) -> dict[str, Any]:
        """Settings of this user, whose password is in ``<user>.password``."""
        given = {
            "bootstrap": self.broker.listener(SCRAM),
            "security_protocol": "SASL_SSL",
            "username": user,
            "password_file": str(self.authority.file.with_name(f"{user}.password")),
            "ca_file": str(self.authority.file),
        }
        return {"prefix": PREFIX, **given, **fields}

    def mutual(self, pair: Pair, **fields: Any) -> dict[str, Any]:
        """Settings of whoever has this certificate; its key opens with ``KEY_PASSWORD``."""
        given = {
            "bootstrap": self.broker.listener(MUTUAL),
            "security_protocol": "SSL",
            "ca_file": str(self.authority.file),
            "certificate_file": str(pair.certificate),
            "key_file": str(pair.locked_key),
            "key_password_variable": "KEY_PASSWORD",
        }
        return {"prefix": PREFIX, **given, **fields}

    def kafka(self, user: str) -> Kafka:
        """The same as a section."""
        return Kafka(**self.scram(user))


def variables(fields: Mapping[str, Any]) -> dict[str, str]:
    """Settings of ``[kafka]`` as a process gets them."""
    names = {f"ZETA_KAFKA_{key.upper()}": str(value) for key, value in fields.items()}
    return {**names, "KEY_PASSWORD": KEY_PASSWORD}


@contextmanager
def secured_broker(directory: Path) -> Iterator[Secured]:
    """Starts it, with certificates and password files in ``directory``."""
    authority, stranger = Authority(directory), Authority(directory, "stranger")
    passwords = {user: secrets.token_hex(12) for user in USERS}
    for user, password in passwords.items():
        (directory / f"{user}.password").write_text(f"{password}\n")
    # Each use of a right is a line in the broker's log.
    audit = ("-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=debug",)
    with secured(_security(authority, passwords), jvm=audit) as broker:
        yield Secured(broker, authority, stranger, passwords)


def _security(authority: Authority, users: Mapping[str, str]) -> Security:
    """``SCRAM`` takes these users; ``MUTUAL`` certificates; ``EXPIRED`` shows a stale one.

    Whoever comes by the plain listener may do everything: the broker itself, and the test.
    """
    kinds = {SCRAM: "SASL_SSL", MUTUAL: "SSL", EXPIRED: "SSL"}
    ports = free_ports(len(kinds))
    listeners = (Listener(*kind, port) for kind, port in zip(kinds.items(), ports, strict=True))
    own = authority.issue("broker").keystore()
    stale = authority.issue("stale-broker", expired=True).keystore()
    scram, mutual, expired = (f"listener.name.{name.lower()}." for name in kinds)
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(own),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/",
        f"{scram}sasl.enabled.mechanisms": "SCRAM-SHA-512",
        f"{scram}scram-sha-512.sasl.jaas.config": _SCRAM_MODULE,
        f"{mutual}ssl.client.auth": "required",
        f"{expired}ssl.keystore.location": str(stale),
    }
    return Security(tuple(listeners), properties, users)
