"""Servers are for this machine, or for who has the key."""

from __future__ import annotations

import httpx
import pytest
from typer.testing import CliRunner

from agents.cli import app
from agents.serving_key import OpenServerError, check_key, holds_key, is_loopback
from agents.simulation.profile import SimModel
from agents.simulation.server import serve

KEY = "k3y-of-sixteen-or-more"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_key(host: str) -> None:
    assert is_loopback(host)
    check_key(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "localhost."])
def test_anything_else_does(host: str) -> None:
    with pytest.raises(OpenServerError, match="--key-variable"):
        check_key(host, None)
    check_key(host, KEY)
    with pytest.raises(OpenServerError, match="16 characters"):
        check_key(host, "short")


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        (f"Bearer {KEY}", True),
        (f"bearer  {KEY} ", True),
        (f"Basic {KEY}", False),
        (f"Bearer {KEY}x", False),
        (f"Bearer {KEY[:-1]}", False),
        (KEY, False),
        ("Bearer", False),
        ("", False),
        (None, False),
        ("Bearer \udcff", False),
    ],
)
def test_the_key_must_be_shown_whole(header: str | None, *, holds: bool) -> None:
    assert holds_key(header, KEY) is holds


async def test_a_server_with_a_key_serves_its_holders_alone() -> None:
    sim = await serve(SimModel(name="sim", protocol="tgi"), key=KEY)
    body = {"messages": [{"role": "user", "content": "1 + 1"}]}
    try:
        async with httpx.AsyncClient(base_url=sim.base_url) as client:
            path = "/v1/chat/completions"
            assert (await client.get("/health")).status_code == 200
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                refused = await client.post(path, json=body, headers=headers)
                assert refused.status_code == 401
                assert KEY not in refused.text
                assert (await client.get("/sim/profile", headers=headers)).status_code == 401
            shown = {"Authorization": f"Bearer {KEY}"}
            assert (await client.post(path, json=body, headers=shown)).status_code == 200
    finally:
        await sim.stop()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name a key with --key-variable or --key-file, or listen on 127.0.0.1"),
        (["--key-variable", "SHORT_KEY"], "at least 16 characters"),
    ],
)
def test_the_command_refuses_to_be_open(options: list[str], message: str) -> None:
    command = ["sim-model", "demo", "--host", "0.0.0.0", *options]
    done = CliRunner().invoke(app, command, env={"SHORT_KEY": "guessable"})
    assert done.exit_code == 2
    assert message in done.stderr
    assert "guessable" not in done.stderr
