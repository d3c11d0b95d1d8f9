"""KEDA's ScaledObject for the roles whose lag says how many of them are needed."""

from __future__ import annotations

from collections.abc import Iterator

from agents import grader, router, worker
from agents.manifests.names import PART_OF, Manifest, Target, labels, pod_name, resource_name
from agents.manifests.users import user_name
from streams.settings import Settings
from streams.topics import model_topic

KEDA = "keda.sh/v1alpha1"
ROUTER_LAG = 1000
GRADER_LAG = 500
ROUNDS = 4
"""Queries that may wait for a worker, in rounds of its ``concurrency``, before it gets help."""


def scaling_manifests(settings: Settings, target: Target) -> list[Manifest]:
    """A ScaledObject for the router, the grader and each worker, and how KEDA signs in.

    Not for the aggregator: it commits the first offset of its oldest open window, so that its lag
    is never nothing. KEDA reads a group's lag with that role's own user, which may read both.
    """
    found = []
    for role, topics, lag in _scaled(settings):
        found += [_sign_in(role, target), _scaled_object(settings, role, topics, lag)]
    return found


def _scaled(settings: Settings) -> Iterator[tuple[str, tuple[str, ...], int]]:
    yield router.ROLE, ("queries", "reroutes"), ROUTER_LAG
    yield grader.ROLE, ("responses", "feedback"), GRADER_LAG
    for name, model in settings.models.items():
        yield f"{worker.ROLE}-{name}", (model_topic(name),), ROUNDS * model.concurrency


def _sign_in(role: str, target: Target) -> Manifest:
    return {
        "apiVersion": KEDA,
        "kind": "TriggerAuthentication",
        "metadata": {"name": pod_name(role), "labels": {**labels(role), **PART_OF}},
        "spec": {
            "env": [
                {"parameter": "username", "name": "ZETA_KAFKA_USERNAME", "containerName": "zeta"}
            ],
            "secretTargetRef": [
                {
                    "parameter": "password",
                    "name": resource_name(user_name(role)),
                    "key": "password",
                },
                {"parameter": "ca", "name": f"{target.cluster}-cluster-ca-cert", "key": "ca.crt"},
            ],
        },
    }


def _scaled_object(settings: Settings, role: str, topics: tuple[str, ...], lag: int) -> Manifest:
    return {
        "apiVersion": KEDA,
        "kind": "ScaledObject",
        "metadata": {"name": pod_name(role), "labels": {**labels(role), **PART_OF}},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "name": pod_name(role),
            },
            "pollingInterval": 15,
            "minReplicaCount": min(2, settings.kafka.partitions) if role == router.ROLE else 1,
            "maxReplicaCount": settings.kafka.partitions,
            "triggers": [_trigger(settings, role, topic, lag) for topic in topics],
        },
    }


def _trigger(settings: Settings, role: str, topic: str, lag: int) -> Manifest:
    prefix = settings.kafka.prefix
    return {
        "type": "kafka",
        "metadata": {
            "bootstrapServers": settings.kafka.bootstrap,
            "consumerGroup": prefix + role,
            "topic": prefix + topic,
            "lagThreshold": str(lag),
            "offsetResetPolicy": "earliest",
            "sasl": "scram_sha512",
            "tls": "enable",
        },
        "authenticationRef": {"name": pod_name(role)},
    }
