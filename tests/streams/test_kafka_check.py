"""Settings of TLS and SASL that don't fit together are refused by their key, without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.settings import SettingsError
from tests.security.certificates import Authority
from tests.streams.settings_text import GOOD, loaded, with_line

SASL = {"security_protocol": "SASL_SSL", "username": "u", "password_variable": "P"}
TLS = {"security_protocol": "SSL"}

WRONG: list[tuple[dict[str, str], str]] = [
    ({"password": "hunter2"}, "kafka.password: a password has no place in settings; say where it"),
    ({"password": "hunter2"}, "with kafka.password_variable or kafka.password_file"),
    ({"sasl_plain_password": "hunter2"}, "kafka.sasl_plain_password: a password has no place"),
    ({"key_password": "hunter2"}, "is kept, with kafka.key_password_variable"),
    ({"pasword": "hunter2"}, "kafka.pasword: unknown key; allowed are bootstrap"),
    ({**SASL, "password_variable": "hunter2!"}, "kafka.password_variable: must be the name of"),
    ({**TLS, "key_password_variable": "hunter2!"}, "kafka.key_password_variable: must be the name"),
    ({"security_protocol": "TLS"}, "kafka.security_protocol: must be one of PLAINTEXT"),
    ({**SASL, "sasl_mechanism": "GSSAPI"}, "kafka.sasl_mechanism: must be one of"),
    ({**SASL, "username": ""}, "kafka.username: is missing; kafka.security_protocol is SASL_SSL"),
    ({**SASL, "password_variable": ""}, "kafka.password_variable: is missing (or kafka.password_f"),
    ({**SASL, "password_file": "{ca}"}, "kafka.password_file: is one too many beside"),
    ({"username": "u"}, "kafka.username: has no effect: kafka.security_protocol is PLAINTEXT"),
    ({**TLS, "password_variable": "P"}, "kafka.password_variable: has no effect: kafka.secur"),
    ({"ca_file": "{ca}"}, "kafka.ca_file: has no effect: kafka.security_protocol is PLAINTEXT"),
    ({**SASL, "security_protocol": "SASL_PLAINTEXT", "ca_file": "{ca}"}, "ca_file: has no effect"),
    ({**TLS, "ca_file": "{none}"}, "kafka.ca_file: {none} can't be read: No such file"),
    ({**TLS, "ca_file": "{key}"}, "kafka.ca_file: {key} holds no certificate in PEM form"),
    ({**TLS, "certificate_file": "{key}"}, "kafka.certificate_file: {key} holds no certificate"),
    ({**TLS, "key_file": "{key}"}, "kafka.key_file: needs its certificate: set kafka.certificate_"),
    ({**TLS, "key_password_variable": "P"}, "kafka.key_password_variable: needs a key"),
    (
        {**SASL, "password_variable": "", "password_file": "{none}"},
        "password_file: {none} can't be",
    ),
]


@pytest.mark.parametrize(("table", "expected"), WRONG)
def test_what_does_not_fit(tmp_path: Path, table: dict[str, str], expected: str) -> None:
    authority = Authority(tmp_path)
    paths = {
        "ca": str(authority.file),
        "key": str(authority.issue("x").key),
        "none": str(tmp_path / "none"),
    }
    lines = (f"{key} = '{value.format(**paths)}'" for key, value in table.items())
    with pytest.raises(SettingsError) as error:
        loaded(tmp_path, with_line("kafka", "\n".join(lines)), {"P": "x"})
    assert expected.format(**paths) in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_password_by_flag_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--set: kafka\.password: a password") as error:
        loaded(tmp_path, GOOD, {}, {"kafka.password": "hunter2"})
    assert "hunter2" not in str(error.value)


def test_the_variable_with_the_password_may_look_like_a_setting(tmp_path: Path) -> None:
    variables = {
        "ZETA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "ZETA_KAFKA_USERNAME": "zeta-router",
        "ZETA_KAFKA_PASSWORD_VARIABLE": "ZETA_KAFKA_PASSWORD",
        "ZETA_KAFKA_PASSWORD": "hunter2",
    }
    settings = loaded(tmp_path, GOOD, variables)
    assert settings.kafka.username == "zeta-router"
    assert "hunter2" not in repr(settings)
