"""The generated manifests are those of the settings, the topic table and the access table."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from agents.cli import app
from agents.manifests.files import SameNameError, manifest_files
from agents.manifests.names import Target
from agents.roles import role_names
from streams.access import grants
from streams.access import role_names as principals
from streams.settings import Settings, load
from streams.topic_drift import wanted_topics
from tests.deploy.cluster import DIRECTORY, container, resources, settings, workloads


@pytest.mark.parametrize("name", ["topics.yaml", "users.yaml", "roles.yaml", "scaling.yaml"])
def test_the_files_are_what_the_command_makes(name: str) -> None:
    made = manifest_files(settings(), Target())[name]
    assert (DIRECTORY / name).read_text() == made, (
        "run: zeta --config deploy/kubernetes/zeta.toml manifests deploy/kubernetes"
    )


def test_the_command_writes_them(tmp_path: Path) -> None:
    words = ["--config", str(DIRECTORY / "zeta.toml"), "manifests", str(tmp_path / "new")]
    done = CliRunner().invoke(app, [*words, "--image", "other:2"])
    assert done.exit_code == 0, done.output
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == manifest_files(
        settings(), Target(image="other:2")
    )


def test_topics_are_those_that_zeta_topics_create_makes() -> None:
    found = {
        row["spec"].get("topicName", row["metadata"]["name"]): (
            row["spec"]["partitions"],
            row["spec"]["replicas"],
            row["spec"]["config"],
        )
        for row in resources("topics.yaml")
    }
    brokers = settings().kafka.replication
    assert found == {
        row.name: (row.partitions, row.replication, dict(row.configuration))
        for row in wanted_topics(settings(), brokers)
    }


def test_users_may_do_what_zeta_topics_acls_prints() -> None:
    found = {
        (row["metadata"]["name"], acl["resource"]["type"], acl["resource"]["name"]): tuple(
            acl["operations"]
        )
        for row in resources("users.yaml")
        for acl in row["spec"]["authorization"]["acls"]
    }
    assert found == {
        (f"zeta-{role}", grant.resource, grant.name): grant.operations
        for role in principals(settings())
        for grant in grants(settings(), role)
    }


def test_each_role_of_the_settings_has_pods() -> None:
    running = [container(workload)["args"] for workload in workloads().values()]
    assert sorted(running) == sorted(["run", role] for role in role_names(settings()))


def test_every_resource_belongs_to_the_kafka_of_the_example() -> None:
    (kafka,) = (row for row in resources("kafka.yaml") if row["kind"] == "Kafka")
    name = kafka["metadata"]["name"]
    labelled = [*resources("topics.yaml", "users.yaml"), resources("kafka.yaml")[0]]
    assert {row["metadata"]["labels"]["strimzi.io/cluster"] for row in labelled} == {name}
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    host, port = settings().kafka.bootstrap.split(":")
    assert host.startswith(f"{name}-kafka-bootstrap.")
    assert (listener["tls"], listener["port"]) == (True, int(port))
    assert listener["authentication"]["type"] == "scram-sha-512"


def from_text(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "zeta.toml"
    path.write_text(text)
    return load(path, {})


def test_a_name_that_kubernetes_does_not_take_is_kept_beside_it(tmp_path: Path) -> None:
    text = '[models.Big_One]\nendpoint = "http://x:80"\nprotocol = "tgi"\nserves = ["chat"]\n'
    files = manifest_files(from_text(tmp_path, text), Target())
    topics = {row["metadata"]["name"]: row for row in yaml.safe_load_all(files["topics.yaml"])}
    assert topics["models.big-one"]["spec"]["topicName"] == "models.Big_One"
    users = {row["metadata"]["name"]: row for row in yaml.safe_load_all(files["users.yaml"])}
    assert users["zeta-worker-big-one"]["spec"]["userName"] == "zeta-worker-Big_One"


def test_two_names_that_become_one_are_refused(tmp_path: Path) -> None:
    model = 'endpoint = "http://x:80"\nprotocol = "tgi"\nserves = ["chat"]\n'
    text = f"[models.a-b]\n{model}[models.A_B]\n{model}"
    with pytest.raises(SameNameError, match=r"models\.a-b"):
        manifest_files(from_text(tmp_path, text), Target())
