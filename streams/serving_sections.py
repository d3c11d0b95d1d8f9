"""The sections of ``zeta.toml`` that say what is served over HTTP, where and to whom."""

from __future__ import annotations

from typing import Annotated

import msgspec

from schemas.wire import NonNegativeInt, PositiveInt
from streams.sections import Section

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Metrics(Section, frozen=True, kw_only=True):
    """Where each role serves ``/metrics``, ``/healthz`` and ``/readyz``; port 0: nowhere.

    On another host than loopback ``/metrics`` needs a bearer key: the variable or the file.
    """

    host: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    port: Port = 0
    key_variable: str = ""
    key_file: str = ""


class Gateway(Section, frozen=True, kw_only=True):
    """The OpenAI-compatible HTTP server (docs/gateway.md); port 0: any that is free.

    ``enabled``: ``zeta up`` runs it. Keys are lines ``name=key``, in the variable or the file;
    without any it serves loopback only. ``max_waiting`` requests wait for answers at a time, and
    each key may make ``requests_per_minute`` (0: any number): more are answered with 429.
    """

    enabled: bool = True
    host: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    port: Port = 8080
    keys_variable: str = ""
    keys_file: str = ""
    max_waiting: PositiveInt = 1000
    requests_per_minute: NonNegativeInt = 0


class Dashboard(Section, frozen=True, kw_only=True):
    """The web page of the running loop (docs/dashboard.md); port 0: any that is free.

    ``enabled``: ``zeta up`` runs it. On another host than loopback it needs a key: the variable or
    the file.
    """

    enabled: bool = True
    host: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    port: Port = 8090
    key_variable: str = ""
    key_file: str = ""
