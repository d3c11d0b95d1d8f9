"""The hub's client as a worker has it: its connections, no look-ups, a collector that rests."""

from __future__ import annotations

from huggingface_hub import AsyncInferenceClient, constants, set_async_client_factory

from agents.endpoints.link import NOBODYS
from agents.http_client import open_pool
from streams.collecting import collect_seldom


def bare_client(endpoint: str) -> AsyncInferenceClient:
    """One for all calls, where a worker makes one for each; ends with the process."""
    pool = open_pool()
    set_async_client_factory(lambda: pool)
    constants.HF_HUB_DISABLE_TELEMETRY = True
    collect_seldom()
    return AsyncInferenceClient(base_url=endpoint, timeout=60, token=NOBODYS)
