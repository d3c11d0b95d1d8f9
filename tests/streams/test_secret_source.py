"""Secrets from variables and files; and no message that tells one."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.archive.opening import open_store
from streams.archive.store import ArchiveError
from streams.secret_source import read_secret, read_token
from streams.settings import SettingsError
from tests.streams.settings_text import loaded, with_line

SECRET = "hf_Do0NotTellMe"


def test_a_variable_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\r\n")
    assert read_secret("k", "MY_TOKEN", "", {"MY_TOKEN": SECRET}) == SECRET
    assert read_token("k", "", str(file), {}) == SECRET
    assert read_token("k", "", "", {}) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70_000, None])
def test_what_is_no_secret_names_the_key(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"models\.a\.token_file: ") as error:
        read_secret("models.a.token", "", str(file), {})
    assert "xxx" not in str(error.value)


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "ü", "\x7f"])
def test_a_token_must_fit_a_header(value: str) -> None:
    with pytest.raises(SettingsError, match="k_variable: must be one line") as error:
        read_token("k", "MY_TOKEN", "", {"MY_TOKEN": value})
    assert repr(value)[1:-1] not in str(error.value)


def test_who_writes_the_secret_where_a_name_belongs_is_told_without_it() -> None:
    with pytest.raises(SettingsError) as error:
        read_secret("models.a.token", SECRET, "", {})
    assert SECRET not in str(error.value)
    with pytest.raises(SettingsError, match="MY_TOKEN is not set"):
        read_secret("models.a.token", "MY_TOKEN", "", {})


@pytest.mark.parametrize(
    ("section", "line", "key"),
    [
        ("models.a", f'token_variable = "{SECRET}-x"', "models.a.token_variable"),
        ("models.a", f'token_variable = "A_B"\ntoken_file = "{SECRET}"', "models.a.token_file"),
        ("kafka", f'bootstrap = "me:{SECRET}@host:9092"', "kafka.bootstrap"),
        ("archive", f'directory = "s3://AKIA:{SECRET}@bucket/x"', "archive.directory"),
        ("archive", f'directory = "zip::s3://A:{SECRET}@b/x"', "archive.directory"),
        ("archive", f'redact_key_variable = "{SECRET} x"', "archive.redact_key_variable"),
    ],
)
def test_settings_that_hold_a_secret_are_refused_without_it(
    tmp_path: Path, section: str, line: str, key: str
) -> None:
    text = with_line(section, line)
    if section != "models.a":
        text = f"{text}\n[{section}]\n{line}" if line not in text else text
    with pytest.raises(SettingsError, match=key) as error:
        loaded(tmp_path, text)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        f"http://me:{SECRET}@host:80",
        f"https://{SECRET}@host",
        f"ftp://me:{SECRET}@host",
        f"http://host/?api_key={SECRET}",
        f"http://host/#{SECRET}",
    ],
)
def test_an_endpoint_with_a_password_is_refused_without_it(tmp_path: Path, endpoint: str) -> None:
    variable = {"ZETA_MODELS_A_ENDPOINT": endpoint}
    with pytest.raises(SettingsError, match=r"endpoint: must hold no (user|query)") as error:
        loaded(tmp_path, with_line("models.a", ""), variable)
    assert SECRET not in str(error.value)


def test_an_archive_that_is_named_on_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no user or password") as error:
        open_store(f"s3://A:{SECRET}@bucket")
    assert SECRET not in str(error.value)
