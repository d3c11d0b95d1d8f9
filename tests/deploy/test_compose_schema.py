"""docker-compose.yml against the published schema of the Compose Specification."""

from __future__ import annotations

import json
from copy import deepcopy
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.deploy.compose_file import PROFILES, project, raw

# The package brings the schema as a file; nothing of its own code is used.
_FILE = "check_jsonschema/builtin_schemas/vendor/compose-spec.json"
SCHEMA: dict[str, Any] = json.loads(
    Path(str(distribution("check-jsonschema").locate_file(_FILE))).read_text()
)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_file_is_a_compose_file(profile: str) -> None:
    errors = Draft202012Validator(SCHEMA).iter_errors(project(profile))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_the_schema_would_say_what_is_wrong() -> None:
    broken = deepcopy(raw())
    broken["services"]["router"]["restart_policy"] = "always"
    assert not Draft202012Validator(SCHEMA).is_valid(broken)


def test_what_is_named_at_the_end_is_used_and_what_is_used_is_named() -> None:
    whole = raw()
    found: dict[str, set[str]] = {"volumes": set(), "networks": set(), "secrets": set()}
    for service in whole["services"].values():
        found["networks"] |= set(service["networks"])
        found["secrets"] |= set(service.get("secrets", []))
        sources = [volume.split(":")[0] for volume in service.get("volumes", [])]
        found["volumes"] |= {source for source in sources if source.isidentifier() or "-" in source}
    named = {source for source in found["volumes"] if "/" not in source and "$" not in source}
    assert named == set(whole["volumes"])
    assert found["networks"] == set(whole["networks"])
    assert found["secrets"] == set(whole["secrets"])
