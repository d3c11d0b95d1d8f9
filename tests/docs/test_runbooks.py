"""Each alert has its runbook, and each runbook its alert."""

from __future__ import annotations

import re

import yaml

from tests.docs.blocks import ROOT

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"


def test_alerts_and_runbooks_are_the_same() -> None:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    page = (ROOT / "docs" / "runbooks.md").read_text()
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert headings == [rule["alert"] for rule in rules]
    for rule in rules:
        expected = f"docs/runbooks.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook_url"].endswith(expected)


def test_each_runbook_says_what_to_do() -> None:
    page = (ROOT / "docs" / "runbooks.md").read_text()
    for section in page.split("\n## ")[1:]:
        assert re.search(r"^1\. ", section, re.MULTILINE), section.splitlines()[0]
