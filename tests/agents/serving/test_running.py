"""When the gateway runs, and which settings it refuses."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agents.roles import build_role, role_names
from streams.settings import Gateway, Settings, SettingsError, load
from tests.streams.settings_text import ONE_MODEL, loaded


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return loaded(tmp_path, ONE_MODEL)


def test_it_is_a_role_unless_it_is_switched_off(settings: Settings) -> None:
    assert "gateway" in role_names(settings)
    off = msgspec.structs.replace(settings, gateway=Gateway(enabled=False))
    assert "gateway" not in role_names(off)


def test_an_address_that_is_not_loopback_needs_keys(settings: Settings) -> None:
    wide = msgspec.structs.replace(settings, gateway=Gateway(host="0.0.0.0"))
    with pytest.raises(SettingsError, match=r"gateway\.host: on 0\.0\.0\.0 everybody"):
        build_role(wide, "gateway", "")


def test_keys_are_in_one_place(settings: Settings, tmp_path: Path) -> None:
    flags = {"gateway.keys_variable": "KEYS", "gateway.keys_file": "keys"}
    with pytest.raises(SettingsError, match=r"gateway\.keys_file: is one too many"):
        load(tmp_path / "zeta.toml", {}, flags)
