"""Simulated models, the pure part: profile files, draws, answers, vectors."""

from pathlib import Path

import pytest

from agents.simulation.profile import (
    Latency,
    ProfileError,
    SimModel,
    accuracy_of,
    advance,
    bundled_profile,
    load_profiles,
    merge,
)

HEAD = '[[models]]\nname = "m"\nprotocol = "tgi"\n'
TWO_LINES = "def f(x):\n    return x"


def model(**fields: object) -> SimModel:
    return merge(SimModel(name="m", protocol="tgi"), fields)


def write(directory: Path, text: str) -> Path:
    path = directory / "bad.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["demo", "faults"])
def test_bundled_profiles_load(name: str) -> None:
    models = load_profiles(bundled_profile(name))
    assert len({m.name for m in models}) == len(models) > 3


def test_the_demo_tells_of_a_model_that_goes_bad() -> None:
    models = {m.name: m for m in load_profiles(bundled_profile("demo"))}
    assert {n: m.protocol for n, m in models.items()} == {
        "chat-7b-code": "tgi",
        "chat-14b": "tgi",
        "embed-4b": "tei",
        "embed-0.6b": "tei",
    }
    code = models["chat-7b-code"]
    assert accuracy_of(advance(code, 0, 199), "code") == 0.95
    assert accuracy_of(advance(code, 0, 200), "code") == 0.10


def test_an_unknown_bundled_profile_lists_those_there_are() -> None:
    with pytest.raises(ProfileError, match=r"'nope' .*demo, faults"):
        bundled_profile("nope")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (HEAD + "acuracy = 0.5", "acuracy"),
        (HEAD + "accuracy = 1.5", r"models\[0\]\.accuracy"),
        (HEAD + "accuracy = { code = -1 }", r"models\[0\]\.accuracy"),
        (HEAD + 'error_rate = "often"', r"models\[0\]\.error_rate"),
        (HEAD + "error_rate = 0.7\nhang_rate = 0.7", "hang_rate .* must not exceed 1"),
        (HEAD + "error_statuses = [200]", r"models\[0\]\.error_statuses"),
        (HEAD + "error_statuses = []", r"models\[0\]\.error_statuses"),
        (HEAD + "max_concurrent_requests = 0", r"models\[0\]\.max_concurrent_requests"),
        (HEAD + "latency = { median_s = 2.0, p95_s = 1.0 }", r"models\[0\]\.latency: .*p95_s"),
        (HEAD + "latency = { p50_s = 2.0 }", "p50_s"),
        (HEAD + "[[models.changes]]\naccuracy = 0.5", r"models\[0\]\.changes\[0\]: .*after_s"),
        (
            HEAD + "[[models.changes]]\nafter_s = 1\nafter_requests = 1",
            r"changes\[0\]: .*exactly one",
        ),
        (HEAD + "[[models.changes]]\nafter_s = 1\nhang_rat = 1.0", r"changes\[0\]: .*hang_rat"),
        (HEAD + "[[models.changes]]\nafter_s = 1\nseed = 7", r"changes\[0\]: seed: can't"),
        (HEAD + HEAD, r"models\[1\]\.name: 'm' is there twice"),
        ('[[models]]\nname = "m"\nprotocol = "grpc"', r"models\[0\]\.protocol"),
        ('[[models]]\nname = "a b"\nprotocol = "tgi"', r"models\[0\]\.name"),
        ("models = []", "models"),
        ("models = [", "not TOML"),
    ],
)
def test_a_bad_profile_names_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ProfileError, match=rf"bad\.toml: .*{key}"):
        load_profiles(write(tmp_path, text))


def test_a_profile_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"gone\.toml: No such file"):
        load_profiles(tmp_path / "gone.toml")
    path = tmp_path / "bad.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(ProfileError, match=r"bad\.toml: not TOML"):
        load_profiles(path)


def test_a_change_invalid_only_after_an_earlier_one_is_found_at_load(tmp_path: Path) -> None:
    changes = "\n[[models.changes]]\nafter_s = 1\nhang_rate = 0.6"
    changes += "\n[[models.changes]]\nafter_s = 2\nerror_rate = 0.6"
    with pytest.raises(ProfileError, match=r"changes\[1\]"):
        load_profiles(write(tmp_path, HEAD + changes))


def test_merge_keeps_what_is_not_named_and_null_resets() -> None:
    was = model(accuracy={"code": 0.5, "default": 0.9}, latency={"median_s": 0.1, "p95_s": 0.2})
    now = merge(was, {"accuracy": {"code": 0.1}, "latency": {"p95_s": None}})
    assert now.accuracy == {"code": 0.1, "default": 0.9}
    assert now.latency == Latency(median_s=0.1)
    assert merge(now, {"accuracy": None}).accuracy == 1.0


def test_one_number_for_all_tasks_stays_for_those_a_patch_does_not_name() -> None:
    now = merge(model(accuracy=0.9), {"accuracy": {"code": 0.1}})
    assert (accuracy_of(now, "code"), accuracy_of(now, "reasoning")) == (0.1, 0.9)


def test_merge_refuses_what_would_break_a_change_to_come() -> None:
    pending = SimModel(
        name="m", protocol="tgi", changes=({"after_requests": 9, "error_rate": 0.6},)
    )
    with pytest.raises(ProfileError, match=r"changes\[0\]"):
        merge(pending, {"hang_rate": 0.6})
    with pytest.raises(ProfileError, match="name: can't be changed"):
        merge(pending, {"name": "other"})


def test_changes_come_in_order_when_due() -> None:
    pending = SimModel(
        name="m",
        protocol="tgi",
        changes=(
            {"after_requests": 10, "accuracy": 0.5},
            {"after_s": 3.0, "accuracy": 0.2, "healthy": False},
        ),
    )
    assert advance(pending, 99.0, 9) == pending
    half = advance(pending, 2.9, 10)
    assert (half.accuracy, len(half.changes)) == (0.5, 1)
    done = advance(half, 3.0, 10)
    assert (done.accuracy, done.healthy, done.changes) == (0.2, False, ())
    assert advance(pending, 3.0, 10) == done
