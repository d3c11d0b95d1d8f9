"""The gateway's OpenAPI document: valid, and what the gateway really does with whatever comes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import httpx
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.loop.commands import run
from tests.loop.gateways import ALICE, ROLES, gateway, models
from tests.loop.system import System

CONFIGURATION = """
# A time limit of a microsecond is a valid one, and can't be kept.
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "504"]
"""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)


async def test_whatever_comes_is_answered_as_the_document_says(
    system: System, tmp_path: Path
) -> None:
    await models(system)
    await system.run(*ROLES)
    file = tmp_path / "schemathesis.toml"
    file.write_text(CONFIGURATION)
    async with gateway(system.settings) as served:
        headers = {"Authorization": f"Bearer {ALICE}"}
        async with httpx.AsyncClient(base_url=served.url, headers=headers) as http:
            document = (await http.get("/openapi.json")).json()
        OpenAPIV31SpecValidator(document).validate()
        done = await run(
            str(Path(sys.executable).parent / "schemathesis"),
            *("--config-file", str(file)),
            *("run", f"{served.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {ALICE}"),
            *("--checks", ",".join(CHECKS)),
            *("--phases", "coverage,fuzzing"),
            *("--seed", "7", "--max-examples", "40", "--max-time", "40", "--workers", "2"),
            *("--generation-database", "none", "--no-color"),
            variables={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        )
        assert done.code == 0, done.out + done.err
        assert served.value("zeta_gateway_waiting") == 0
        route = {"route": "/v1/chat/completions"}
        for status in ("200", "400"):
            asked = served.value("zeta_gateway_requests_total", **route, status=status)
            assert asked > 10, status
        assert served.value("zeta_gateway_requests_total", **route, status="500") == 0
