"""Log lines: for people, for machines, and never a secret in either."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from agents.log_secrets import scrub_of
from streams.logs import LogFormat, formatter, rfc3339
from streams.settings import Settings, load
from streams.tracing import Asking, Handling, Tracing
from tests.streams.test_tracing import GIVEN, TRACE, record

SECRET = "s3cr3t-of-somebody"


def entry(message: str, *arguments: Any, error: bool = False) -> logging.LogRecord:
    made = logging.LogRecord(
        "agents.worker", logging.WARNING, __file__, 1, message, arguments, None
    )
    made.created = 1_700_000_000.1239
    made.exc_info = sys.exc_info() if error else None
    return made


def logged(message: str, *arguments: Any, error: bool = False) -> dict[str, Any]:
    line = formatter("json", "worker-m", lambda text: text.replace(SECRET, "[secret]")).format(
        entry(message, *arguments, error=error)
    )
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_is_one_object() -> None:
    assert logged("%d of\n%s", 3, "x") == {
        "time": "2023-11-14T22:13:20.123Z",
        "level": "warning",
        "logger": "agents.worker",
        "role": "worker-m",
        "message": "3 of\nx",
    }


def test_it_says_whose_query_is_handled() -> None:
    with Handling(Tracing(), "g") as work:
        work.take(record(GIVEN))
        found = logged("slow")
    facts = {name: found[name] for name in ("query_id", "trace_id", "record")}
    assert facts == {"query_id": "q1", "trace_id": TRACE, "record": "p-queries-3@17"}
    with Handling(Tracing(), "g") as work:
        work.take(record(value=b"\xff no query"))
        found = logged("slow")
    assert "query_id" not in found
    assert "trace_id" not in found
    with Asking(Tracing(), "POST", "q9", {}):
        assert logged("slow")["query_id"] == "q9"


def test_an_exception_is_text_in_the_same_line() -> None:
    try:
        raise RuntimeError(f"no \udcff {SECRET}")
    except RuntimeError:
        found = logged(f"failed with {SECRET}", error=True)
    assert found["message"] == "failed with [secret]"
    assert found["exception"].startswith("Traceback")
    assert "RuntimeError" in found["exception"]
    assert SECRET not in str(found)


@pytest.mark.parametrize("form", ["json", "text"])
def test_secrets_of_the_settings_are_taken_out(form: LogFormat, tmp_path: Any) -> None:
    keys = tmp_path / "keys"
    keys.write_text("alice=key-of-alice-0123\nbob=key-of-bob-456789\n")
    settings = load_with(
        tmp_path,
        f"""
        [models.m]
        endpoint = "http://m:80"
        protocol = "tgi"
        serves = ["chat"]
        token_variable = "M_TOKEN"
        [gateway]
        keys_file = "{keys}"
        [metrics]
        key_variable = "NOT_THERE"
        """,
    )
    environment = {"M_TOKEN": SECRET, "OTEL_EXPORTER_OTLP_HEADERS": "x=otel-0123,y=otel-4567"}
    made = formatter(form, "worker-m", scrub_of(settings, environment))
    texts = (SECRET, "key-of-alice-0123", "key-of-bob-456789", "otel-0123", "otel-4567")
    for text in texts:
        line = made.format(entry("it said %s, and so on", text))
        assert text not in line
        assert "[secret]" in line
    assert "alice" in made.format(entry("alice asks"))


def load_with(directory: Any, text: str) -> Settings:
    path = directory / "zeta.toml"
    path.write_text("\n".join(line.strip() for line in text.splitlines()))
    return load(path, {})


def test_times_are_in_utc() -> None:
    assert rfc3339(0.0) == "1970-01-01T00:00:00.000Z"
