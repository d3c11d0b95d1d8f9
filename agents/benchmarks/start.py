"""``zeta bench start``: from nothing to a system that is ready, and what it needs at rest."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agents.benchmarks.figures import Row, over_runs
from agents.benchmarks.processes import MB, BenchError, Running, environment, running, zeta
from agents.benchmarks.town import as_toml
from agents.benchmarks.worlds import sections
from agents.roles import role_names
from streams.broker.ports import free_ports
from streams.settings import load

MODELS = TASKS = 3
RESTED_S = 5.0
READY_S = 60.0


def bench_start(runs: int, say: Callable[[str], None]) -> Row:
    """Seconds for the broker, for the topics, for every role; MB resident of each role at rest."""
    found = []
    for run in range(runs):
        say(f"start: run {run + 1} of {runs}")
        with tempfile.TemporaryDirectory(prefix="zeta-bench-") as name:
            found.append(_run(Path(name)))
    return {"bench": "start", "runs": runs, "models": MODELS, **over_runs(found)}


def _run(directory: Path) -> dict[str, float]:
    kafka_port, gateway, dashboard = free_ports(3)
    made = sections(MODELS, TASKS)
    made["kafka"] |= {"bootstrap": f"127.0.0.1:{kafka_port}", "replication": 1, "min_in_sync": 1}
    made |= {"gateway": {"port": gateway}, "dashboard": {"port": dashboard}}
    made |= {"archive": {"directory": str(directory / "archive")}}
    made |= {"feedback": {"index_dir": str(directory / "index")}}
    file = directory / "zeta.toml"
    file.write_text(as_toml(made))
    kafka = ["--directory", str(directory / "kafka")]
    began_s = time.monotonic()
    try:
        _call(zeta("kafka", "start", "--port", str(kafka_port), *kafka))
        broker_s = time.monotonic() - began_s
        _call(zeta("--config", str(file), "topics", "create"))
        topics_s = time.monotonic() - began_s - broker_s
        command = zeta("--config", str(file), "up", "--log-level", "info")
        with running("up", command, directory) as up:
            roles = role_names(load(file, {}))
            _all_ready(up, roles)
            ready_s = time.monotonic() - began_s
            time.sleep(RESTED_S)
            memory = {f"{role}_mb": size for role, size in resident(up.process.pid).items()}
    finally:
        # Whatever it says: what went wrong before is what matters.
        subprocess.run(
            zeta("kafka", "stop", *kafka), capture_output=True, check=False, env=environment()
        )
    return {
        "broker_s": broker_s,
        "topics_s": topics_s,
        "roles_s": ready_s - broker_s - topics_s,
        "ready_s": ready_s,
        "largest_role_mb": max(memory.values()),
        **memory,
    }


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        raise BenchError(f"{' '.join(command[3:])}: {(done.stderr or done.stdout).strip()}")


def _all_ready(up: Running, roles: Sequence[str]) -> None:
    deadline = time.monotonic() + READY_S
    while up.said().count(" is ready") < len(roles):
        up.check()
        if time.monotonic() > deadline:
            raise BenchError(f"not all of {', '.join(roles)} were ready within {READY_S:g} s")
        time.sleep(0.02)


def resident(pid: int) -> dict[str, float]:
    """Each child's role and its resident set in MB (10^6 bytes). Linux."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = {}
    for child in children:
        arguments = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
        pages = int(Path(f"/proc/{child}/statm").read_text().split()[1])
        role = arguments[arguments.index("run") + 1]
        found[role] = pages * os.sysconf("SC_PAGE_SIZE") / MB
    return found
