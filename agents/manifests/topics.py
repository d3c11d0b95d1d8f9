"""Strimzi's KafkaTopic for each topic of ``zeta topics list``."""

from __future__ import annotations

from agents.manifests.names import PART_OF, Manifest, Target, resource_name
from streams.settings import Settings
from streams.topic_drift import WantedTopic, wanted_topics

STRIMZI = "kafka.strimzi.io/v1"


def topic_manifests(settings: Settings, target: Target) -> list[Manifest]:
    """One per topic, in the topic table's order, as ``zeta topics create`` would make it.

    ``kafka.replication`` is taken as it is: the brokers must be as many.
    """
    wanted = wanted_topics(settings, settings.kafka.replication)
    return [_topic(row, target) for row in wanted]


def _topic(row: WantedTopic, target: Target) -> Manifest:
    name = resource_name(row.name)
    return {
        "apiVersion": STRIMZI,
        "kind": "KafkaTopic",
        "metadata": {"name": name, "labels": {"strimzi.io/cluster": target.cluster, **PART_OF}},
        "spec": {
            **({} if name == row.name else {"topicName": row.name}),
            "partitions": row.partitions,
            "replicas": row.replication,
            "config": dict(row.configuration),
        },
    }
