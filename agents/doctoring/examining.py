"""All checks, in the order in which they are to be read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import chain

from agents.doctoring import configured, machine
from agents.doctoring.endpoints import endpoints
from agents.doctoring.finding import Finding
from agents.doctoring.kafka import kafka
from streams.clock import NowMs
from streams.settings import Settings, SettingsError


def examine(
    settings: Settings | SettingsError, source: str, environment: Mapping[str, str], now_ms: NowMs
) -> list[Finding]:
    """Everything that was found, within about half a minute.

    Args:
        settings: as they were read, or why they couldn't be: then the machine alone is looked at.
        source: where they come from, for people.
        environment: the variables.
        now_ms: this machine's clock, in Unix ms.
    """
    read = settings if isinstance(settings, Settings) else None
    found = [machine.python(), machine.packages(), machine.java(read), machine.sandbox()]
    if isinstance(settings, SettingsError):
        return [*found, configured.invalid(settings)]
    return [
        *found,
        configured.valid(settings, source),
        *configured.secrets(settings, environment),
        *chain(machine.disks(settings, environment), configured.servers(settings)),
        *asyncio.run(_asked(settings, environment, now_ms)),
    ]


async def _asked(
    settings: Settings, environment: Mapping[str, str], now_ms: NowMs
) -> list[Finding]:
    try:
        both = await asyncio.gather(kafka(settings, now_ms), endpoints(settings, environment))
    except SettingsError as error:  # a secret of the broker's: told by `secrets` already
        return [configured.invalid(error)]
    return [*both[0], *both[1]]
