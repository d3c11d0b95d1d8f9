"""A broker that won't talk to us: which setting it is, at once, and nothing that is secret."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.admin import BrokerRefusedError, require_broker
from streams.settings import Kafka
from tests.loop.commands import one_line, zeta
from tests.security.broker import EXPIRED, MUTUAL, SCRAM, Secured, variables
from tests.security.certificates import KEY_PASSWORD

USER = "zeta-client"
SOON_S = 10.0


def _scram(secure: Secured, **fields: Any) -> dict[str, Any]:
    return secure.scram(USER, **fields)


def _plain(secure: Secured) -> dict[str, Any]:
    return {"bootstrap": secure.broker.listener(SCRAM)}


def _foreign(secure: Secured) -> dict[str, Any]:
    return secure.mutual(secure.stranger.issue("foreign"))


def _stale(secure: Secured) -> dict[str, Any]:
    return secure.mutual(secure.authority.issue("stale", expired=True))


def _no_certificate(secure: Secured) -> dict[str, Any]:
    none = {"certificate_file": "", "key_file": "", "key_password_variable": ""}
    return {**_foreign(secure), **none}


def _other_name(secure: Secured) -> dict[str, Any]:
    port = secure.broker.listener(SCRAM).rpartition(":")[2]
    return _scram(secure, bootstrap=f"localhost:{port}")


REFUSALS: Mapping[str, tuple[Callable[[Secured], dict[str, Any]], str]] = {
    "wrong password": (
        lambda secure: _scram(secure, password_file=str(secure.authority.file)),
        "zeta-client (SCRAM-SHA-512): no such user, or not its password (kafka.password_file)",
    ),
    "no such user": (lambda secure: _scram(secure, username="x"), "refuses kafka.username x"),
    "mechanism": (
        lambda secure: _scram(secure, sasl_mechanism="SCRAM-SHA-256"),
        "doesn't take SCRAM-SHA-256: set kafka.sasl_mechanism",
    ),
    "untrusted": (
        lambda secure: _scram(secure, ca_file=str(secure.stranger.file)),
        "set kafka.ca_file to the authority that did",
    ),
    "the system's authorities": (
        lambda secure: _scram(secure, ca_file=""),
        "a certificate that the system's authorities didn't sign: set kafka.ca_file",
    ),
    "expired": (
        lambda secure: _scram(secure, bootstrap=secure.broker.listener(EXPIRED)),
        "shows a certificate that has expired",
    ),
    "another name": (_other_name, "a certificate of another host: name the broker in kafka.boot"),
    "plain at TLS": (_plain, "speaks TLS: set kafka.security_protocol (PLAINTEXT) to SSL or"),
    "TLS at plain": (
        lambda secure: _scram(secure, bootstrap=secure.broker.bootstrap),
        "doesn't speak TLS: kafka.security_protocol is SASL_SSL",
    ),
    "nobody at SCRAM": (
        lambda secure: {**_no_certificate(secure), "bootstrap": secure.broker.listener(SCRAM)},
        "ends the connection: it may want a user; kafka.security_protocol is SSL",
    ),
    "a user at mTLS": (
        lambda secure: {
            **secure.mutual(secure.authority.issue("client")),
            **_scram(secure, bootstrap=secure.broker.listener(MUTUAL)),
        },
        "takes no SASL there: kafka.security_protocol is SASL_SSL",
    ),
    "no certificate": (_no_certificate, "wants a certificate: set kafka.certificate_file"),
    "foreign certificate": (_foreign, "refuses kafka.certificate_file: it has expired, or an auth"),
    "stale certificate": (_stale, "refuses kafka.certificate_file: it has expired"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_refusal_names_the_setting(
    secure: Secured, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_PASSWORD", KEY_PASSWORD)
    fields, expected = REFUSALS[case]
    kafka = Kafka(**fields(secure))
    began_s = time.monotonic()
    with pytest.raises(BrokerRefusedError) as refused:
        await require_broker(kafka)
    assert time.monotonic() - began_s < SOON_S
    message = str(refused.value)
    assert message.startswith(f"{kafka.bootstrap} ")
    assert expected in message
    assert secure.passwords[USER] not in message


async def test_who_may_come_in_comes_in(secure: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_PASSWORD", KEY_PASSWORD)
    kafka = secure.kafka(USER)
    await require_broker(kafka)
    await require_broker(Kafka(**secure.mutual(secure.authority.issue("client"))))
    by_variable = msgspec.structs.replace(kafka, password_file="", password_variable="PASSWORD")
    monkeypatch.setenv("PASSWORD", secure.passwords[USER])
    await require_broker(by_variable)


async def test_a_command_with_a_wrong_password(secure: Secured, tmp_path: Path) -> None:
    file = tmp_path / "zeta.toml"
    file.write_text("")
    wrong = tmp_path / "wrong.password"
    wrong.write_text("hunter2")
    given = variables(secure.scram(USER, password_file=str(wrong)))
    line = one_line(await zeta(file, "tail", "responses", **given), 1)
    assert "refuses kafka.username zeta-client" in line
    assert "hunter2" not in line
