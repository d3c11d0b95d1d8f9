"""What runs each role: a StatefulSet where names must be stable, a Deployment for HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from agents import archiver, grader, router, tuner, worker
from agents.manifests.names import PART_OF, Manifest, Target, labels, pod_name
from agents.manifests.pods import Shape, pod
from agents.roles import role_names
from streams.settings import Settings

WEB = {"gateway": 8080, "dashboard": 8090}
SERVICE = "zeta-roles"

SHAPES = {
    router.ROLE: Shape(cpu="250m"),
    # Two sandboxes of up to 512 MiB each beside the grader itself (agents/graders/sandbox.py).
    grader.ROLE: Shape(cpu="250m", limit="2Gi", writes=("index",)),
    archiver.ROLE: Shape(limit="1Gi", writes=("archive",)),
    "gateway": Shape(
        cpu="250m",
        keys=("gateway-keys",),
        port=("http", WEB["gateway"]),
        environment=(
            ("ZETA_GATEWAY_HOST", "0.0.0.0"),
            ("ZETA_GATEWAY_PORT", str(WEB["gateway"])),
            ("ZETA_GATEWAY_KEYS_FILE", "/run/secrets/zeta/gateway-keys"),
        ),
    ),
    "dashboard": Shape(
        keys=("dashboard-key",),
        port=("http", WEB["dashboard"]),
        environment=(
            ("ZETA_DASHBOARD_HOST", "0.0.0.0"),
            ("ZETA_DASHBOARD_PORT", str(WEB["dashboard"])),
            ("ZETA_DASHBOARD_KEY_FILE", "/run/secrets/zeta/dashboard-key"),
        ),
    ),
}
"""Of the roles that differ from ``Shape()``."""

_VOLUMES = {"index": ("4Gi", "ReadWriteOnce"), "archive": ("100Gi", "ReadWriteOnce")}
"""How large each role's own files may become: a cache of 7 days' answers; the archive."""


def scalable(role: str) -> bool:
    """Whether more replicas of it do more, as long as there are partitions for them."""
    return role not in (tuner.ROLE, archiver.ROLE, "dashboard")


def role_manifests(settings: Settings, target: Target) -> list[Manifest]:
    """Every role that the settings call for, in their order."""
    return [row for role in role_names(settings) for row in _role(settings, role, target)]


def _role(settings: Settings, role: str, target: Target) -> Iterator[Manifest]:
    shape = SHAPES.get(role, Shape())
    template = pod(settings, role, shape, target)
    if role in WEB:
        yield _deployment(role, template)
    else:
        yield _stateful_set(role, shape, template)
    if scalable(role):
        yield _disruption_budget(role)


def _metadata(role: str) -> Manifest:
    return {"name": pod_name(role), "labels": {**labels(role), **PART_OF}}


def _deployment(role: str, template: Manifest) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(role),
        "spec": {
            "replicas": 2 if scalable(role) else 1,
            "selector": {"matchLabels": labels(role)},
            "template": template,
        },
    }


def _stateful_set(role: str, shape: Shape, template: Manifest) -> Manifest:
    """Without ``replicas`` where KEDA sets them: the file would take them back.

    A pod's name is its replica's, so one that is started again has its partitions back at once,
    and there are never two tuners, not even while one is replaced.
    """
    claims = [_claim(name) for name in shape.writes]
    scaled = role in (router.ROLE, grader.ROLE) or role.startswith(f"{worker.ROLE}-")
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _metadata(role),
        "spec": {
            "serviceName": SERVICE,
            **({} if scaled else {"replicas": 2 if scalable(role) else 1}),
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels(role)},
            "template": template,
            **({"volumeClaimTemplates": claims} if claims else {}),
        },
    }


def _claim(name: str) -> Manifest:
    size, mode = _VOLUMES[name]
    return {
        "metadata": {"name": name},
        "spec": {"accessModes": [mode], "resources": {"requests": {"storage": size}}},
    }


def _disruption_budget(role: str) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(role),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels(role)}},
    }
