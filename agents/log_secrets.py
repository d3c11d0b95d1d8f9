"""Which secrets a process holds, so that none gets into its log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from agents.scrubbing import Scrubber
from streams.logs import Scrub
from streams.secret_source import read_secret
from streams.settings import Settings, SettingsError

VARIABLE, FILE = "_variable", "_file"
OTEL_HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")


def scrub_of(settings: Settings, environment: Mapping[str, str]) -> Scrub:
    """What takes every secret out of a text that the settings name and this process can read."""
    scrubbers = [Scrubber(secret) for secret in dict.fromkeys(_secrets(settings, environment))]

    def scrub(text: str) -> str:
        for scrubber in scrubbers:
            text = scrubber.text(text)
        return text

    return scrub


def _secrets(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    sections = [getattr(settings, name) for name in settings.__struct_fields__]
    for section in (*sections, *settings.models.values()):
        for text in _named(section, environment):
            yield text
            # Several keys in one file, a line name=key for each.
            yield from (line.partition("=")[2].strip() for line in text.splitlines())
    for variable in OTEL_HEADERS:
        for pair in environment.get(variable, "").split(","):
            yield pair.partition("=")[2].strip()


def _named(section: Any, environment: Mapping[str, str]) -> Iterator[str]:
    """The secrets whose variable or file a section names."""
    for field in getattr(section, "__struct_fields__", ()):
        if field.endswith(VARIABLE):
            key = field.removesuffix(VARIABLE)
            file = getattr(section, key + FILE, "")
            with suppress(SettingsError):  # told where it is needed
                yield read_secret(key, getattr(section, field), file, environment) or ""
