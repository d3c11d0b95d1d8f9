"""Where no sandbox can be had, nothing is run and nothing is graded."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from agents.graders import sandbox
from agents.graders.code import grade
from agents.graders.grade import GradeError
from agents.graders.sandbox import SandboxUnavailableError
from agents.graders.seccomp import refusing
from schemas.query import Reference
from schemas.response import Response
from tests.agents.graders.attack import SMALL, passed

pytestmark = pytest.mark.usefixtures("nothing_survives")


def test_without_bubblewrap_nothing_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailableError, match=r"install bubblewrap.*apt-get"):
        passed("", "pass")
    assert issubclass(SandboxUnavailableError, GradeError)


def test_a_bubblewrap_that_fails_means_no_grade(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As where user namespaces are refused: its own words are in the message."""
    fake, ran = tmp_path / "bwrap", tmp_path / "ran"
    fake.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    response = Response(query_id="q", answered_at=0, text=f"open({str(ran)!r}, 'w')")
    with pytest.raises(SandboxUnavailableError, match=r"No permissions.*user namespaces"):
        grade(response, Reference(kind="code", value={"tests": "pass"}))
    assert not ran.exists()


def test_a_sandbox_that_never_is_ready_means_no_grade(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The machine's fault isn't the model's: no 0 for an answer that was never run."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailableError, match=r"within 0\.3 s"):
        passed("", "pass", limits=replace(SMALL, start_s=0.3))


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(GradeError, match="sparc"):
        refusing("sparc")
    assert len(refusing("aarch64")) % 8 == 0


def test_no_command_line_goes_without_bubblewrap() -> None:
    line = sandbox.command(SMALL, 3, "pass")
    assert Path(line[0]).name == "bwrap"
    inner = line[len(line) - 1 - line[::-1].index("--unshare-user") :]
    assert {"--unshare-all", "--die-with-parent", "--new-session", "--clearenv"} <= set(inner)
