"""Each role's pods start what there is, are asked where something listens, and are locked in."""

from __future__ import annotations

import pytest

from agents.manifests.names import Manifest
from streams.settings import load
from tests.deploy.cluster import (
    DIRECTORY,
    container,
    environment,
    kustomization,
    resources,
    settings,
    template,
    workloads,
)
from tests.deploy.commands import parsed

EVERY = [pytest.param(row, id=name) for name, row in workloads().items()]


def readable(variables: dict[str, str]) -> dict[str, str]:
    """Without the files that the pods alone have: settings are refused when those aren't there."""
    kafka = {"ZETA_KAFKA_PASSWORD_FILE": "/dev/null"}
    del variables["ZETA_KAFKA_CA_FILE"]
    return variables | kafka


@pytest.mark.parametrize("workload", EVERY)
def test_its_command_and_its_variables_are_known(workload: Manifest) -> None:
    parsed(container(workload)["args"])
    found = load(DIRECTORY / "zeta.toml", readable(environment(workload)))
    assert found.kafka.security_protocol == "SASL_SSL"
    assert found.metrics.host == "0.0.0.0"
    (name,) = [row for row in container(workload)["env"] if "valueFrom" in row]
    assert name["name"] == "ZETA_REPLICA"
    assert name["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


@pytest.mark.parametrize("workload", EVERY)
def test_probes_ask_the_port_of_the_metrics(workload: Manifest) -> None:
    pod = container(workload)
    ports = {row["name"]: row["containerPort"] for row in pod["ports"]}
    assert ports.pop("metrics") == int(environment(workload)["ZETA_METRICS_PORT"])
    found = load(DIRECTORY / "zeta.toml", readable(environment(workload)))
    web = {"gateway": found.gateway.port, "dashboard": found.dashboard.port}
    name = workload["metadata"]["name"]
    assert ports == ({"http": web[name]} if name in web else {})
    asked = {kind: pod[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {row["port"] for row in asked.values()} == {"metrics"}
    assert {kind: row["path"] for kind, row in asked.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }


@pytest.mark.parametrize("workload", EVERY)
def test_every_file_that_is_named_is_mounted(workload: Manifest) -> None:
    pod = template(workload)["spec"]
    volumes = {row["name"]: row for row in pod["volumes"]}
    claims = {row["metadata"]["name"] for row in workload["spec"].get("volumeClaimTemplates", [])}
    files = set()
    for mount in container(workload)["volumeMounts"]:
        volume = volumes.get(mount["name"], {})
        assert volume or mount["name"] in claims
        items = volume.get("secret", {}).get("items", [])
        files |= {f"{mount['mountPath']}/{item['path']}" for item in items}
    (generated,) = kustomization()["configMapGenerator"]
    assert volumes["settings"]["configMap"]["name"] == generated["name"]
    files |= {f"/etc/zeta/{name}" for name in generated["files"]}
    named = {
        v for k, v in environment(workload).items() if k.endswith("_FILE") or k == "ZETA_CONFIG"
    }
    assert named <= files


@pytest.mark.parametrize("workload", EVERY)
def test_its_secrets_are_made_by_somebody(workload: Manifest) -> None:
    users = {row["metadata"]["name"] for row in resources("users.yaml")}
    (example,) = resources("secrets.example.yaml")
    for volume in template(workload)["spec"]["volumes"]:
        if volume["name"] == "keys":
            keys = {item["key"] for item in volume["secret"]["items"]}
            assert volume["secret"]["secretName"] == example["metadata"]["name"]
            assert keys <= set(example["stringData"])
        if volume["name"] == "kafka":
            assert volume["secret"]["secretName"] in users
            assert volume["secret"]["secretName"] == environment(workload)["ZETA_KAFKA_USERNAME"]


@pytest.mark.parametrize("workload", EVERY)
def test_it_may_do_nothing_that_it_needs_not(workload: Manifest) -> None:
    pod = template(workload)["spec"]
    assert pod["automountServiceAccountToken"] is False
    # A Service zeta-... would give it variables ZETA_..., which are no settings.
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(workload)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    resource = container(workload)["resources"]
    assert resource["requests"].keys() == {"cpu", "memory"}
    assert "memory" in resource["limits"]


@pytest.mark.parametrize("workload", EVERY)
def test_it_has_time_to_finish_its_work(workload: Manifest) -> None:
    sleep = container(workload).get("lifecycle", {}).get("preStop", {}).get("sleep", {})
    needed = settings().kafka.drain_s + 5 + sleep.get("seconds", 0)
    assert template(workload)["spec"]["terminationGracePeriodSeconds"] >= needed


@pytest.mark.parametrize("workload", EVERY)
def test_selectors_find_its_own_pods_and_no_others(workload: Manifest) -> None:
    def found(selector: dict[str, str]) -> list[str]:
        return [
            name
            for name, row in workloads().items()
            if selector.items() <= template(row)["metadata"]["labels"].items()
        ]

    name = workload["metadata"]["name"]
    assert found(workload["spec"]["selector"]["matchLabels"]) == [name]
    for row in resources("roles.yaml", "services.yaml"):
        if row["metadata"]["name"] == name and row["kind"] == "PodDisruptionBudget":
            assert found(row["spec"]["selector"]["matchLabels"]) == [name]
        if row["metadata"]["name"] == name and row["kind"] == "Service":
            assert found(row["spec"]["selector"]) == [name]
            ports = {port["name"] for port in container(workload)["ports"]}
            assert {port["targetPort"] for port in row["spec"]["ports"]} <= ports


def test_there_is_never_a_second_tuner() -> None:
    tuner = workloads()["tuner"]
    assert tuner["kind"] == "StatefulSet"
    assert tuner["spec"]["replicas"] == 1


def test_workers_and_the_judge_alone_get_out_to_models() -> None:
    (policy,) = (row for row in resources("network.yaml") if "models" in row["metadata"]["name"])
    selector = policy["spec"]["podSelector"]["matchLabels"]
    out = {
        name
        for name, row in workloads().items()
        if selector.items() <= template(row)["metadata"]["labels"].items()
    }
    assert out == {"grader", *(name for name in workloads() if name.startswith("worker-"))}


def test_kafka_is_let_through_where_it_listens() -> None:
    policy = next(row for row in resources("network.yaml") if row["metadata"]["name"] == "roles")
    ports = {
        tuple(peer.get("podSelector", {}).get("matchLabels", {}).items()): rule["ports"]
        for rule in policy["spec"]["egress"]
        for peer in rule["to"]
    }
    (port,) = ports[("strimzi.io/cluster", "zeta"),]
    assert port["port"] == int(settings().kafka.bootstrap.split(":")[1])
    (metrics,) = policy["spec"]["ingress"]
    assert metrics["ports"][0]["port"] == 9100
