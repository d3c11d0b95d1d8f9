"""What a measured process is given, and that it doesn't outlive the one that measures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from agents.benchmarks.processes import environment
from tests.loop.watching import until

GIVEN = {
    "PATH": "/bin",
    "KAFKA_BOOTSTRAP": "live:9092",
    "ZETA_KAFKA_PREFIX": "live-",
    "ZETA_CONFIG": "live.toml",
    "ZETA_HOME": "/home/zeta",
}

PROGRAM = """
import sys, time
from pathlib import Path
from agents.benchmarks.processes import running
command = [sys.executable, "-c", "import time; time.sleep(600)"]
with running("sleeper", command, Path(sys.argv[1])) as process:
    print(process.process.pid, flush=True)
    time.sleep(600)
"""


def test_no_variable_leads_it_to_a_live_system() -> None:
    assert environment(GIVEN) == {"PATH": "/bin", "ZETA_HOME": "/home/zeta"}


def _measurer(directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(directory)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )


def _runs(pid: int) -> bool:
    """Whether it does, and isn't but a zombie."""
    return Path(f"/proc/{pid}/exe").exists()


async def test_it_ends_with_a_measurer_that_is_killed(tmp_path: Path) -> None:
    with _measurer(tmp_path) as measurer:
        assert measurer.stdout is not None
        pid = int(measurer.stdout.readline())
        assert _runs(pid)
        measurer.send_signal(signal.SIGKILL)
        await until(lambda: not _runs(pid), "the end of what it ran")
