"""The hub's client as a worker has it: the same connections, and none of its look-ups."""

from __future__ import annotations

from huggingface_hub import AsyncInferenceClient, constants, set_async_client_factory

from agents.endpoints.link import NOBODYS
from agents.http_client import open_pool


def bare_client(endpoint: str) -> AsyncInferenceClient:
    """One for all calls, where a worker makes one for each; ends with the process."""
    pool = open_pool()
    set_async_client_factory(lambda: pool)
    constants.HF_HUB_DISABLE_TELEMETRY = True
    return AsyncInferenceClient(base_url=endpoint, timeout=60, token=NOBODYS)
