"""What people write: settings, flags, queries, outcomes, rules, profiles."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import typer

from agents.client import QueryFileError, read_queries
from agents.commands.context import parse_flags
from agents.evaluation.columns import OutcomesError
from agents.evaluation.outcomes import read_outcomes
from agents.simulation.profile import ProfileError, advance, load_profiles, merge
from agents.whatif.rules_file import RulesFileError, read_rules
from streams.replay.bounds import parse_bound
from streams.replay.problem import ReplayUsageError
from streams.replay.run_id import checked_run_id, started_at
from streams.replay.target import checked_servers
from streams.settings import SettingsError, load
from tests.fuzz.shaping import Choices, examples_of, shaped
from tests.fuzz.stage import TEXT, folder
from tests.fuzz.target import Target

ROOT = Path(__file__).resolve().parents[3]


def _file(data: bytes, name: str) -> Path:
    path = folder() / name
    path.write_bytes(data)
    return path


def settings(data: bytes) -> None:
    """A settings file."""
    load(_file(data, "fuzzed.toml"), {})


def overrides(data: bytes) -> None:
    """Lines: flags, and variables where they begin with a $."""
    good = folder() / "good.toml"
    if not good.exists():
        good.write_text(TEXT)
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    flags = parse_flags([line for line in lines if not line.startswith("$")])
    pairs = (line[1:].partition("=") for line in lines if line.startswith("$"))
    load(good, {name: value for name, _, value in pairs}, flags)


def queries(data: bytes) -> None:
    """A file for `zeta send`."""
    read_queries(_file(data, "fuzzed.jsonl"), (str(n) for n in range(10_000)))


def outcomes(data: bytes) -> None:
    """A file for `zeta evaluate`."""
    read_outcomes(_file(data, "fuzzed.csv"), impute=len(data) % 2 == 0)


def rules_file(data: bytes) -> None:
    """A file for `zeta whatif --rules`."""
    read_rules(_file(data, "fuzzed.json"))


def profile(data: bytes) -> None:
    """A profile of simulated models, which is then used."""
    for model in load_profiles(_file(data, "fuzzed-sim.toml")):
        advance(model, 1e9, 10**9)


def profile_patch(data: bytes) -> None:
    """What a client may post to /sim/profile."""
    model = load_profiles(ROOT / "agents/data/sim-demo.toml")[0]
    choices = Choices(data)
    example = {"accuracy": {"code": 0.5}, "latency": {"median_s": 0.1, "p95_s": 1.0}, "name": "x"}
    patch = json.loads(shaped(choices, [example, {}]))
    merge(model, patch if isinstance(patch, dict) else {"accuracy": patch})


def arguments(data: bytes) -> None:
    """A bound, a run's name, an address: whatever stands on a command line."""
    choices = Choices(data)
    parse: Callable[[str], object] = choices.of(
        (lambda text: parse_bound("--from", text), checked_run_id, started_at, checked_servers)
    )
    parse(choices.rest().decode("utf-8", "surrogateescape"))


def _flags() -> Iterator[bytes]:
    yield b"kafka.prefix=x-\nmodels.code-7b.endpoint=http://a:1\n$ZETA_TASKS_CODE_NEEDS=chat"
    yield b"tasks.code.prior.only=1\nrouting.exploration=0.5"


def _queries() -> Iterator[bytes]:
    yield b"\n".join(json.dumps(row).encode() for row in examples_of("queries"))


def _outcomes() -> Iterator[bytes]:
    yield b"task_type,query_id,model,correct,latency_s\ncode,1,a,1,0.5\ncode,1,b,0,\n"


def _rules() -> Iterator[bytes]:
    yield b'{"code":{"a":0.5,"b":0.5}}'
    yield from (json.dumps(row).encode() for row in examples_of("rules"))


def _bounds() -> Iterator[bytes]:
    yield from (b"\0offset:1", b"\0-2h", b"\x002026-11-01T10:00Z", b"\x01run.1", b"\x03host:9092")


def _data(pattern: str) -> Callable[[], list[bytes]]:
    return lambda: [path.read_bytes() for path in sorted(ROOT.glob(pattern))]


TARGETS = (
    Target("settings", settings, (SettingsError,), lambda: [TEXT.encode()]),
    Target("overrides", overrides, (SettingsError, typer.BadParameter), _flags),
    Target("queries-file", queries, (QueryFileError,), _queries),
    Target("outcomes-file", outcomes, (OutcomesError,), _outcomes),
    Target("rules-file", rules_file, (RulesFileError,), _rules),
    Target("sim-profile", profile, (ProfileError,), _data("agents/data/sim-f*.toml")),
    Target("sim-patch", profile_patch, (ProfileError,), most_bytes=128),
    Target("arguments", arguments, (ReplayUsageError,), _bounds),
)
