"""Pins are exact, and ``scripts/audit`` never says that it has asked when it hasn't."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(*files: str) -> dict[str, str]:
    """Name and version of each pin; whatever else a line says fails."""
    found: dict[str, str] = {}
    for file in files:
        for line in (ROOT / file).read_text().splitlines():
            text = line.partition("#")[0].strip().rstrip("\\").strip()
            if not text or text.startswith("--hash="):
                continue
            name, separator, version = text.partition("==")
            assert separator, f"{file}: {text} is no exact pin"
            assert NAME.fullmatch(name), f"{file}: {text}"
            assert re.fullmatch(r"[0-9][A-Za-z0-9.!+]*", version), f"{file}: {text}"
            assert canonical(name) not in found, f"{file}: {name} is pinned twice"
            found[canonical(name)] = version
    return found


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    found = [NAME.match(one) for group in groups for one in group]
    return {canonical(one[0]) for one in found if one}


def test_every_dependency_is_pinned_exactly() -> None:
    assert declared() <= pins("constraints.txt").keys()


def test_the_models_wheels_are_pinned_by_their_hashes_too() -> None:
    lines = (ROOT / "local-models.txt").read_text().replace("\\\n", " ").splitlines()
    wheels = [line for line in lines if line.strip() and not line.startswith("#")]
    assert len(pins("local-models.txt")) == len(wheels)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}\b", line) for line in wheels)


def audited(tmp_path: Path, body: str) -> subprocess.CompletedProcess[str]:
    """The script with a pip-audit that does this; it gets the pins and the output's path."""
    tool = tmp_path / "pip-audit"
    tool.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        "at = sys.argv.index\n"
        "pins = open(sys.argv[at('--requirement') + 1]).read().split()\n"
        "pairs = (pin.split('==') for pin in pins)\n"
        "rows = [{'name': n, 'version': v, 'vulns': []} for n, v in pairs]\n"
        "def write(): json.dump({'dependencies': rows}, open(sys.argv[at('--output') + 1], 'w'))\n"
        + body
    )
    tool.chmod(0o755)
    return script({"PIP_AUDIT": str(tool)})


def script(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "audit"],
        env={**os.environ, "PYTHON": sys.executable, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_service_is_no_audit(tmp_path: Path) -> None:
    done = audited(tmp_path, "sys.exit('ERROR: connection refused')")
    assert done.returncode == 3
    assert "NOT AUDITED: no advisory service could be asked" in done.stderr
    assert "connection refused" in done.stderr
    assert done.stdout == ""


def test_no_tool_is_no_audit(tmp_path: Path) -> None:
    done = script({"PIP_AUDIT": str(tmp_path / "nowhere")})
    assert done.returncode == 3
    assert "NOT AUDITED: pip-audit isn't installed" in done.stderr


@pytest.mark.parametrize("body", ["rows.pop()\nwrite()", "rows[0]['skip_reason'] = 'x'\nwrite()"])
def test_a_package_that_was_passed_over_is_told(tmp_path: Path, body: str) -> None:
    done = audited(tmp_path, body)
    assert done.returncode == 3
    assert "NOT AUDITED: " in done.stderr


def test_a_service_that_tells_nothing_is_no_audit(tmp_path: Path) -> None:
    """So it is where an index answers without having advisories: pip-audit itself ends with 0."""
    done = audited(tmp_path, "for row in rows: row['skip_reason'] = 'not found'\nwrite()")
    assert done.returncode == 3
    assert "told nothing of any package: not found" in done.stderr


def test_a_finding_is_listed(tmp_path: Path) -> None:
    found = json.dumps([{"id": "CVE-2099-1", "fix_versions": ["9.9"]}])
    done = audited(tmp_path, f"rows[3]['vulns'] = {found}\nwrite()\nsys.exit(1)")
    assert done.returncode == 1
    assert "CVE-2099-1, mended in 9.9" in done.stdout


def test_nothing_known_of_any_pin(tmp_path: Path) -> None:
    done = audited(tmp_path, "write()")
    assert done.returncode == 0, done.stderr
    count = len(pins("constraints.txt", "local-models.txt"))
    assert f"{count} packages, 0 known vulnerabilities" in done.stderr
