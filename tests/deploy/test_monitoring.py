"""What is shipped for Prometheus and Grafana: well-formed, and about metrics that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.metering.listing import catalogue

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
BOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "zeta.json").read_text())
ALERTS: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0][
    "rules"
]
CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "alerts_test.yml").read_text()
)["tests"]

NAME = re.compile(r"\b(?:zeta|process|python)_[a-z0-9_]+\b|\bup\b")
SELECTOR = re.compile(r"\b((?:zeta|process)_[a-z0-9_]+)\{([^}]*)\}")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPING = re.compile(r"\b(?:by|on|without)\s*\(([^)]*)\)")
TEMPLATE = re.compile(r"\$labels\.(\w+)|\{\{\s*(\w+)\s*\}\}")
OF_SCRAPES = {"job", "instance", "service"}
OF_HISTOGRAMS = {"_bucket", "_sum", "_count"}


def promtool(*arguments: str, where: Path) -> None:
    """Runs it; a machine without it fails here, and isn't passed over."""
    tool = shutil.which("promtool")
    assert tool is not None, "promtool is missing: install Prometheus (scripts/setup --dev does)"
    done = subprocess.run(
        [tool, *arguments], cwd=where, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration() -> None:
    promtool("check", "config", "--syntax-only", "prometheus.yml", where=PROMETHEUS)
    promtool("check", "rules", "alerts.yml", where=PROMETHEUS)


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    promtool("test", "rules", "alerts_test.yml", where=Path(__file__).parent)
    checks = [check for case in CASES for check in case["alert_rule_test"]]
    names = {alert["alert"] for alert in ALERTS}
    assert {check["alertname"] for check in checks if check["exp_alerts"]} == names
    assert {check["alertname"] for check in checks if not check["exp_alerts"]} == names


def test_alerts_say_how_bad_it_is_and_what_to_do() -> None:
    for alert in ALERTS:
        assert alert["labels"]["severity"] in ("critical", "warning")
        notes = alert["annotations"]
        assert notes["summary"]
        assert notes["description"]
        assert notes["runbook_url"] == f"docs/runbooks.md#{alert['alert'].lower()}"


def test_every_alert_has_its_runbook() -> None:
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    assert {alert["alert"] for alert in ALERTS} <= set(headings)


def expressions(node: Any) -> Iterator[str]:
    """Every query in a dashboard."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "definition"):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for part in node:
            yield from expressions(part)


QUERIES = [*expressions(BOARD), *(alert["expr"] for alert in ALERTS)]
METERS = {meter.name: meter for meter in catalogue()}


def plain(name: str) -> str:
    """The metric that a sample belongs to."""
    for ending in OF_HISTOGRAMS:
        base = name.removesuffix(ending)
        if base != name and base in METERS:
            assert METERS[base].type == "histogram", name
            return base
    return name


def test_every_metric_in_a_query_is_one_of_ours() -> None:
    used = {plain(name) for query in QUERIES for name in NAME.findall(query)}
    assert len(used) > 40
    assert used - METERS.keys() - {"up"} == set()


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {plain(name) for query in expressions(BOARD) for name in NAME.findall(query)}
    ours = {name for name in METERS if name.startswith("zeta_")}
    assert ours - shown == set()


@pytest.mark.parametrize("query", sorted(set(QUERIES)))
def test_every_label_in_a_query_is_one_of_its_metrics(query: str) -> None:
    for name, inside in SELECTOR.findall(query):
        labels = {*METERS[plain(name)].labels, *OF_SCRAPES}
        assert set(LABEL.findall(inside)) <= labels, name
    known = {label for name in NAME.findall(query) for label in labels_of(name)}
    for names in GROUPING.findall(query):
        assert {name.strip() for name in names.split(",")} - {""} <= known


def labels_of(name: str) -> set[str]:
    meter = METERS.get(plain(name))
    return {*(meter.labels if meter else ()), *OF_SCRAPES, "le"}


def test_legends_and_summaries_name_labels_that_are_left() -> None:
    legends = [
        (t["expr"], t["legendFormat"]) for p in BOARD["panels"] for t in p.get("targets", ())
    ]
    notes = [(a["expr"], " ".join(a["annotations"].values())) for a in ALERTS]
    for query, text in [*legends, *notes]:
        groups = GROUPING.findall(query)
        left = {label.strip() for group in groups for label in group.split(",")}
        if not groups:
            left = {label for name in NAME.findall(query) for label in labels_of(name)}
        named = {first or second for first, second in TEMPLATE.findall(text)}
        assert named <= left | ({"instance", "service"} if "up{" in query else set()), query


def test_panels_have_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_grafana_finds_what_is_provisioned() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounted = dict(volume.split(":")[:2] for volume in compose["grafana"]["volumes"])
    assert mounted["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    provisioning = GRAFANA / "provisioning"
    provider = yaml.safe_load((provisioning / "dashboards" / "zeta.yml").read_text())
    path = provider["providers"][0]["options"]["path"]
    assert mounted["./deploy/grafana/dashboards"] == path
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())
    used = {panel["datasource"]["uid"] for panel in BOARD["panels"] if "datasource" in panel}
    assert used == {source["datasources"][0]["uid"]}


def test_prometheus_looks_for_every_role_of_compose() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    zeta = config["scrape_configs"][0]
    roles = {
        name
        for name, service in compose.items()
        if service.get("command") and service["command"][0] == "run"
    }
    assert set(zeta["dns_sd_configs"][0]["names"]) == roles
    port = zeta["dns_sd_configs"][0]["port"]
    secret = Path(zeta["authorization"]["credentials_file"]).name
    for name in roles:
        variables = compose[name]["environment"]
        assert variables["ZETA_METRICS_PORT"] == str(port), name
        assert secret in compose[name]["secrets"], name
    assert secret in compose["prometheus"]["secrets"]
