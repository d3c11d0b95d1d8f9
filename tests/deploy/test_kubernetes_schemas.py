"""The manifests against the schemas of Kubernetes, and of what Strimzi and KEDA add to it."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from kubernetes_validate import latest_version  # type: ignore[import-untyped]
from kubernetes_validate.utils import schema_contents  # type: ignore[import-untyped]
from referencing import Registry, Resource

from agents.manifests.names import Manifest
from tests.deploy.cluster import DIRECTORY, ROOT, kustomization, resources

CUSTOM: dict[str, Any] = yaml.safe_load(
    (ROOT / "tests" / "deploy" / "custom_resources.yaml").read_text()
)
# With unknown fields refused.
FOLDER = f"v{latest_version()}-local-strict"


@cache
def definitions() -> Registry[Any]:
    contents = schema_contents(f"kubernetes-json-schema/{FOLDER}/_definitions.json", FOLDER)
    resource: Resource[Any] = Resource.from_contents(contents)
    empty: Registry[Any] = Registry()
    found: Registry[Any] = empty.with_resource("_definitions.json", resource)
    return found


@cache
def core(kind: str, version: str) -> Draft202012Validator:
    group = version.split("/")
    name = f"{kind.lower()}-{'-'.join([group[0].partition('.')[0], *group[1:]])}"
    contents = schema_contents(f"kubernetes-json-schema/{FOLDER}/{name}.json", FOLDER)
    return Draft202012Validator(contents, registry=definitions())


def errors(row: Manifest) -> list[str]:
    """What the schemas have against it."""
    kind, version = row["kind"], row["apiVersion"]
    if schema := CUSTOM.get(f"{version}/{kind}"):
        found = Draft202012Validator(schema).iter_errors(row["spec"])
    else:
        found = core(kind, version).iter_errors(row)
    return [
        f"{kind} {row['metadata']['name']} {error.json_path}: {error.message}" for error in found
    ]


@pytest.mark.parametrize("name", sorted(path.name for path in DIRECTORY.glob("*.yaml")))
def test_each_resource_is_well_formed(name: str) -> None:
    assert [error for row in resources(name) for error in errors(row)] == []


def test_the_patches_fit_what_they_change() -> None:
    for path in (DIRECTORY / "code-grading").glob("*.yaml"):
        row = yaml.safe_load(path.read_text())
        if row["kind"] == "Namespace":
            assert errors(row) == []
        elif row["kind"] == "StatefulSet":
            whole = deepcopy(
                next(
                    x
                    for x in resources("roles.yaml")
                    if x["metadata"] == {**x["metadata"], **row["metadata"]}
                )
            )
            (change,) = row["spec"]["template"]["spec"]["containers"]
            (changed,) = whole["spec"]["template"]["spec"]["containers"]
            assert change["name"] == changed["name"]
            changed["securityContext"] |= change["securityContext"]
            assert errors(whole) == []


@pytest.mark.parametrize("file", ["roles.yaml", "users.yaml", "scaling.yaml", "network.yaml"])
def test_the_schemas_would_say_what_is_wrong(file: str) -> None:
    for row in deepcopy(resources(file)):
        row["spec"]["unknown"] = 1
        assert errors(row), row["kind"]


def test_kustomize_finds_every_file() -> None:
    named = set(kustomization()["resources"])
    assert all((DIRECTORY / name).is_file() for name in named)
    apart = {"topics.yaml", "kafka.yaml", "secrets.example.yaml", "kustomization.yaml"}
    assert named | apart == {path.name for path in DIRECTORY.glob("*.yaml")}
    (settings,) = kustomization()["configMapGenerator"]
    assert (settings["name"], settings["files"]) == ("zeta-settings", ["zeta.toml"])


def test_names_are_unique() -> None:
    names = [(row["kind"], row["metadata"]["name"]) for row in resources()]
    assert len(names) == len(set(names))
