"""deploy/kubernetes as ``kubectl apply --kustomize`` reads it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from agents.manifests.names import Manifest
from streams.settings import Settings, load

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / "deploy" / "kubernetes"
NOT_RESOURCES = ("Kustomization", "Component")


@cache
def settings() -> Settings:
    """The settings that the manifests are made from."""
    return load(DIRECTORY / "zeta.toml", {})


def kustomization() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DIRECTORY / "kustomization.yaml").read_text())
    return found


@cache
def resources(*names: str) -> tuple[Manifest, ...]:
    """What is in these files, or in all of the folder; not to be changed."""
    paths = [DIRECTORY / name for name in names] or sorted(DIRECTORY.glob("*.yaml"))
    return tuple(
        row
        for path in paths
        for row in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader)
        if row["kind"] not in NOT_RESOURCES
    )


def workloads() -> dict[str, Manifest]:
    """What makes pods, by its name."""
    kinds = ("Deployment", "StatefulSet")
    return {row["metadata"]["name"]: row for row in resources("roles.yaml") if row["kind"] in kinds}


def template(workload: Manifest) -> Manifest:
    """Its pods, with their labels."""
    found: Manifest = workload["spec"]["template"]
    return found


def container(workload: Manifest) -> Manifest:
    """The one container of its pods."""
    (found,) = template(workload)["spec"]["containers"]
    return dict(found)


def environment(workload: Manifest) -> dict[str, str]:
    """The variables that have a text here."""
    return {row["name"]: row["value"] for row in container(workload)["env"] if "value" in row}
