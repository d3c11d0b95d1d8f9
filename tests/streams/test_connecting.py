"""What clients are told of settings; that all of them are; and that no secret shows."""

from __future__ import annotations

import ast
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.connecting import connection
from streams.settings import Kafka, SettingsError
from tests.security.certificates import KEY_PASSWORD, Authority

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = {"AIOKafkaConsumer", "AIOKafkaProducer", "AIOKafkaAdminClient", "AIOKafkaConnection"}
# One asks the broker that this machine has just started; the other takes the arguments apart.
ELSEWHERE = {"streams/broker/ready.py", "streams/diagnosing.py"}
SASL = Kafka(security_protocol="SASL_PLAINTEXT", username="u", password_variable="P")


def test_nothing_but_the_address_without_security() -> None:
    expected = {"bootstrap_servers": "h:1", "security_protocol": "PLAINTEXT"}
    assert connection(Kafka(bootstrap="h:1"), {}) == expected


def test_a_secret_does_not_show() -> None:
    made = connection(SASL, {"P": "hunter2"})
    secret = made["sasl_plain_password"]
    shown = [repr(made), str(secret), f"{secret}", f"{secret:>9}", "%s" % secret, f"{secret!r}"]  # noqa: UP031
    assert not [text for text in shown if "hunter2" in text]
    assert secret.encode() == b"hunter2", "what a client sends"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_password_from_a_file(tmp_path: Path, ending: str) -> None:
    (tmp_path / "p").write_bytes(f" hunter2 {ending}".encode())
    kafka = msgspec.structs.replace(SASL, password_variable="", password_file=str(tmp_path / "p"))
    assert connection(kafka, {})["sasl_plain_password"] == " hunter2 "


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hunter2\xff", "isn't text"),
        (None, "No such file"),
    ],
)
def test_a_file_without_a_password(tmp_path: Path, content: bytes | None, expected: str) -> None:
    if content is not None:
        (tmp_path / "p").write_bytes(content)
    kafka = msgspec.structs.replace(SASL, password_variable="", password_file=str(tmp_path / "p"))
    with pytest.raises(SettingsError, match=rf"kafka\.password_file: .*{expected}") as error:
        connection(kafka, {})
    assert error.value.__cause__ is None or "hunter2" not in str(error.value.__cause__)


@pytest.mark.parametrize("environment", [{}, {"P": ""}])
def test_a_variable_that_is_not_set(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"environment: kafka\.password_variable: the variable"):
        connection(SASL, environment)


def _mutual(tmp_path: Path, **fields: Any) -> Kafka:
    authority = Authority(tmp_path)
    pair = authority.issue("me")
    given = {"ca_file": str(authority.file), "certificate_file": str(pair.certificate)}
    return Kafka(security_protocol="SSL", **{**given, **fields})


def test_tls_checks_the_broker_and_its_name(tmp_path: Path) -> None:
    context = connection(Kafka(security_protocol="SSL", ca_file=str(Authority(tmp_path).file)), {})[
        "ssl_context"
    ]
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1, "no other authority"


def test_the_context_is_made_once(tmp_path: Path) -> None:
    kafka = Kafka(security_protocol="SSL", ca_file=str(Authority(tmp_path).file))
    assert connection(kafka, {})["ssl_context"] is connection(kafka, {})["ssl_context"]


@pytest.mark.parametrize(("file", "environment"), [("key", {}), ("locked", {"K": KEY_PASSWORD})])
def test_a_key_opens(tmp_path: Path, file: str, environment: dict[str, str]) -> None:
    variable = "K" if environment else ""
    key_file = str(tmp_path / f"me.{file}.pem")
    kafka = _mutual(tmp_path, key_file=key_file, key_password_variable=variable)
    assert connection(kafka, environment)["ssl_context"]


@pytest.mark.parametrize(
    ("file", "variable", "expected"),
    [
        ("me.locked.pem", "", "kafka.key_file: .* no key that opens without a password"),
        ("me.locked.pem", "K", "kafka.key_password_variable: what it holds doesn't open"),
        ("other.key.pem", "", "kafka.key_file: .* is not the key of"),
        ("me.crt.pem", "", "kafka.key_file: .* no key"),
    ],
)
def test_a_key_that_does_not_open(tmp_path: Path, file: str, variable: str, expected: str) -> None:
    Authority(tmp_path).issue("other")
    kafka = _mutual(tmp_path, key_file=str(tmp_path / file), key_password_variable=variable)
    with pytest.raises(SettingsError, match=expected) as error:
        connection(kafka, {"K": "hunter2"})
    assert "hunter2" not in str(error.value)


def _constructions(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in CLIENTS or name == "create_conn":
                yield node


def _connects(call: ast.Call) -> bool:
    starred = (keyword.value for keyword in call.keywords if keyword.arg is None)
    return any(ast.unparse(value).startswith("connection(") for value in starred)


def test_every_client_connects_as_the_settings_say() -> None:
    found = 0
    for package in ("schemas", "streams", "agents"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.relative_to(ROOT).as_posix() in ELSEWHERE:
                continue
            for call in _constructions(path):
                found += 1
                assert _connects(call), f"{path}:{call.lineno} passes no **connection(kafka)"
    assert found > 15
