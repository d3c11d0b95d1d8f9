"""LiteLLM, loaded so that it stays on this machine, and left as it was found.

It is an extra: the rest of the product doesn't need it.
"""

from __future__ import annotations

import importlib
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

OFFLINE = {
    # Otherwise the import fetches the newest price list,
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    # and reads a .env file, whose settings are not meant for this.
    "LITELLM_MODE": "PRODUCTION",
}


MISSING = "LiteLLM is not installed: pip install -e '.[bench]'"


class LiteLLMMissingError(RuntimeError):
    """LiteLLM isn't installed."""


def load() -> Any:
    """The module ``litellm``; the import takes some seconds.

    Raises:
        LiteLLMMissingError: it isn't installed.
    """
    for name, value in OFFLINE.items():
        os.environ.setdefault(name, value)
    try:
        return importlib.import_module("litellm")
    except ModuleNotFoundError as error:
        if error.name != "litellm":
            raise
        raise LiteLLMMissingError(MISSING) from error


def check_litellm() -> None:
    """Whether it can be loaded, told without the seconds that takes.

    Raises:
        LiteLLMMissingError: it isn't installed.
    """
    if find_spec("litellm") is None:
        raise LiteLLMMissingError(MISSING)


def litellm_version() -> str:
    """The installed version."""
    return version("litellm")


@contextmanager
def seeded(litellm: Any, seed: int) -> Iterator[None]:
    """LiteLLM draws from the global ``random`` and registers callbacks globally: only in here."""
    state, callbacks = random.getstate(), list(litellm.callbacks)
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
        litellm.callbacks[:] = callbacks


def deployment(group: str, identity: str, **info: Any) -> dict[str, Any]:
    """An entry of a model list; it is never called, so it needs no address and no key."""
    return {
        "model_name": group,
        "litellm_params": {"model": f"openai/{identity}", "api_key": "none"},
        "model_info": {"id": identity, **info},
    }
