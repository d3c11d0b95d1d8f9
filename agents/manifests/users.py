"""Strimzi's KafkaUser for each role, with the rows of ``zeta topics acls``."""

from __future__ import annotations

from agents.manifests.names import PART_OF, Manifest, Target, resource_name
from agents.manifests.topics import STRIMZI
from streams.access import PRINCIPAL, Grant, grants, role_names
from streams.settings import Settings


def user_manifests(settings: Settings, target: Target) -> list[Manifest]:
    """One per principal. Strimzi puts its password into a Secret of the same name."""
    return [_user(settings, role, target) for role in role_names(settings)]


def user_name(role: str) -> str:
    """The role's user of Kafka: ``zeta-router``."""
    return PRINCIPAL.removeprefix("User:") + role


def _user(settings: Settings, role: str, target: Target) -> Manifest:
    user = user_name(role)
    name = resource_name(user)
    return {
        "apiVersion": STRIMZI,
        "kind": "KafkaUser",
        "metadata": {"name": name, "labels": {"strimzi.io/cluster": target.cluster, **PART_OF}},
        "spec": {
            **({} if name == user else {"userName": user}),
            "authentication": {"type": "scram-sha-512"},
            "authorization": {
                "type": "simple",
                "acls": [_acl(grant) for grant in grants(settings, role)],
            },
        },
    }


def _acl(grant: Grant) -> Manifest:
    return {
        "resource": {"type": grant.resource, "name": grant.name, "patternType": "literal"},
        "operations": list(grant.operations),
    }
