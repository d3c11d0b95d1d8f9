"""The model servers: each is asked how it is, with its token, as its worker does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx

from agents.doctoring.finding import Finding, fail, ok, warn
from agents.endpoints.endpoint import Endpoint
from agents.endpoints.probe import Seen
from agents.http_client import RefusedError, ReplyError, open_pool, trust
from streams.clock import loop_s
from streams.secret_source import read_token
from streams.settings import Model, Settings, SettingsError

TIMEOUT_S = 5.0
PATIENCE_S = 3.0
POLL_S = 0.3
_REFUSES = (401, 403)


async def endpoints(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    """One finding per model, in the settings' order; all are asked at once."""
    asked = (_endpoint(name, model, environment) for name, model in settings.models.items())
    return list(await asyncio.gather(*asked))


async def _endpoint(name: str, model: Model, environment: Mapping[str, str]) -> Finding:
    key = f"models.{name}"
    try:
        token = read_token(f"{key}.token", model.token_variable, model.token_file, environment)
    except SettingsError as error:
        return fail(f"model {name}", str(error), f"set what {key}.token_variable or _file names")
    endpoint = Endpoint(model, token)
    try:
        seen = await _look(endpoint)
    finally:
        await endpoint.close()
    refused = seen.problem is None and seen.info is None and await _refuses(model, token)
    return _judged(name, model, seen, refused=refused)


async def _look(endpoint: Endpoint) -> Seen:
    """What is seen; a server that has just been started gets a moment."""
    deadline_s = loop_s() + PATIENCE_S
    while True:
        seen = await endpoint.look()
        if seen.problem is None or loop_s() >= deadline_s:
            return seen
        await asyncio.sleep(POLL_S)


async def _refuses(model: Model, token: str | None) -> bool:
    """Whether it wants another token; health alone may be open to everybody."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    path = "/v1/models" if model.protocol == "openai" else "/info"
    url = model.endpoint.rstrip("/").removesuffix("/v1") + path
    async with asyncio.timeout(2 * TIMEOUT_S):
        pool = open_pool(headers, httpx.Timeout(TIMEOUT_S), trust(model.ca_file))
        try:
            await pool.get(url)
        except RefusedError as error:
            return error.response.status_code in _REFUSES
        except (httpx.HTTPError, ReplyError):
            return False
        finally:
            await pool.aclose()
    return False


def _judged(name: str, model: Model, seen: Seen, *, refused: bool) -> Finding:
    area, key = f"model {name}", f"models.{name}"
    if seen.problem is not None:
        do = f"start that server (a large model takes minutes to load), or set {key}.endpoint"
        return fail(area, f"{model.endpoint}: {seen.problem}", do)
    if refused:
        do = f"see {key}.token_variable and {key}.token_file"
        return fail(area, f"{model.endpoint} refuses what we show it for a token", do)
    if seen.mismatch is not None:
        return warn(area, f"{model.endpoint}: {seen.mismatch}", f"see [{key}]")
    if seen.info is None:
        return ok(area, f"{model.endpoint} is well, and doesn't say what it is")
    return ok(area, f"{model.endpoint} is well: {seen.info.model_id}")
