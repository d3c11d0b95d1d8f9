"""KEDA counts what a role has to do, and never starts more replicas than there is work for."""

from __future__ import annotations

import pytest

from agents.manifests.names import Manifest
from streams.access import grants
from streams.topic_drift import wanted_topics
from tests.deploy.cluster import container, environment, resources, settings, template, workloads

ROWS = [row for row in resources("scaling.yaml") if row["kind"] == "ScaledObject"]
SCALED = [pytest.param(row, id=row["metadata"]["name"]) for row in ROWS]
SIGN_IN = {
    row["metadata"]["name"]: row
    for row in resources("scaling.yaml")
    if row["kind"] == "TriggerAuthentication"
}


def role(scaled: Manifest) -> str:
    return str(container(workloads()[scaled["spec"]["scaleTargetRef"]["name"]])["args"][1])


def test_router_grader_and_workers_are_scaled() -> None:
    found = {role(row) for row in ROWS}
    assert found == {"router", "grader", *(f"worker-{name}" for name in settings().models)}


@pytest.mark.parametrize("scaled", SCALED)
def test_there_is_a_partition_for_every_replica(scaled: Manifest) -> None:
    partitions = {row.name: row.partitions for row in wanted_topics(settings(), 3)}
    spec = scaled["spec"]
    most = min(partitions[row["metadata"]["topic"]] for row in spec["triggers"])
    assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] <= most


@pytest.mark.parametrize("scaled", SCALED)
def test_it_counts_what_the_role_reads_in_its_group(scaled: Manifest) -> None:
    rows = grants(settings(), role(scaled))
    reads = {row.name for row in rows if row.resource == "topic" and "Read" in row.operations}
    (group,) = (row.name for row in rows if row.resource == "group")
    for trigger in scaled["spec"]["triggers"]:
        assert trigger["metadata"]["consumerGroup"] == group
        assert trigger["metadata"]["topic"] in reads
        assert trigger["metadata"]["bootstrapServers"] == settings().kafka.bootstrap
        assert int(trigger["metadata"]["lagThreshold"]) > 0


@pytest.mark.parametrize("scaled", SCALED)
def test_what_it_scales_is_there_and_leaves_it_the_number(scaled: Manifest) -> None:
    target = scaled["spec"]["scaleTargetRef"]
    workload = workloads()[target["name"]]
    assert (workload["kind"], workload["apiVersion"]) == (target["kind"], target["apiVersion"])
    assert "replicas" not in workload["spec"]


@pytest.mark.parametrize("scaled", SCALED)
def test_it_signs_in_as_the_role(scaled: Manifest) -> None:
    workload = workloads()[scaled["spec"]["scaleTargetRef"]["name"]]
    secrets = {
        volume["name"]: volume["secret"]["secretName"]
        for volume in template(workload)["spec"]["volumes"]
        if "secret" in volume
    }
    for trigger in scaled["spec"]["triggers"]:
        spec = SIGN_IN[trigger["authenticationRef"]["name"]]["spec"]
        (name,) = spec["env"]
        assert name["name"] in environment(workload)
        assert name["containerName"] == container(workload)["name"]
        given = {row["parameter"]: row["name"] for row in spec["secretTargetRef"]}
        assert given == {"password": secrets["kafka"], "ca": secrets["kafka-ca"]}


def test_others_run_as_often_as_the_file_says() -> None:
    scaled = {row["spec"]["scaleTargetRef"]["name"] for row in ROWS}
    others = {name: row for name, row in workloads().items() if name not in scaled}
    assert {name: row["spec"]["replicas"] for name, row in others.items()} == {
        "aggregator": 2,
        "archiver": 1,
        "tuner": 1,
        "gateway": 2,
        "dashboard": 1,
    }
    budgets = {
        row["metadata"]["name"]
        for row in resources("roles.yaml")
        if row["kind"] == "PodDisruptionBudget"
    }
    assert budgets == scaled | {"aggregator", "gateway"}
