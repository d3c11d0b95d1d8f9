"""Names that Kubernetes takes: lower case, and no more signs than a host's name has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

Manifest: TypeAlias = dict[str, Any]
"""One resource, as it is written."""

PART_OF = {"app.kubernetes.io/part-of": "zeta"}


@dataclass(frozen=True)
class Target:
    """What the manifests are made for, besides the settings.

    ``image`` runs the roles; ``cluster`` is the name of Strimzi's Kafka.
    """

    image: str = "zeta-router:0.1.0"
    cluster: str = "zeta"


def resource_name(name: str) -> str:
    """A resource's name (a DNS subdomain, so dots may stay): ``models.embed-0.6b`` as it is."""
    return re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")


def pod_name(name: str) -> str:
    """The name of what makes pods (a DNS label): ``worker-embed-0.6b`` has a dash for its dot."""
    return resource_name(name).replace(".", "-")


def labels(role: str) -> dict[str, str]:
    """The labels by which a role's pods are found."""
    return {"app.kubernetes.io/name": "zeta", "app.kubernetes.io/component": pod_name(role)}
