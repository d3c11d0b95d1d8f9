"""The grader's seccomp profile lets bubblewrap work, and Docker's refusals would not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.deploy.compose_file import ROOT

PROFILE = ROOT / "deploy" / "compose" / "grader-seccomp.json"


def graded(*refused: str) -> Any:
    command = [sys.executable, "-m", "tests.deploy.confined", str(PROFILE), *refused]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_code_is_graded_under_the_profile() -> None:
    assert graded() == [True, False]


def test_without_mounts_code_is_not_graded_and_the_message_says_why() -> None:
    message = graded("mount", "unshare", "umount2", "pivot_root")
    assert "can't be graded" in message
    assert "never run without a sandbox" in message
