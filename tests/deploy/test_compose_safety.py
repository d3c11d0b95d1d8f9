"""Each service starts again, stops in time, is bounded, and has no rights that it doesn't need."""

from __future__ import annotations

import json
import re

import pytest

from agents.graders.sandbox import Limits
from tests.deploy.compose_file import (
    PROFILES,
    ROOT,
    mounted,
    ours,
    project,
    raw,
    roles,
    seconds,
    services,
    settings,
)

ALL = [pytest.param(name, id=name) for name in raw()["services"]]
OF_THE_SANDBOX = {"clone", "unshare", "mount", "umount2", "pivot_root"}
PINNED = re.compile(r"[a-z0-9./-]+:[a-z0-9-]*v?b?\d[a-z0-9.-]*")
BYTES = {"M": 2**20, "G": 2**30}


@pytest.mark.parametrize("name", ALL)
def test_each_service_is_bounded_and_watched(name: str) -> None:
    service = raw()["services"][name]
    assert service["restart"] == ("on-failure:3" if name == "topics" else "unless-stopped")
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["logging"]["options"]["max-size"]
    check = service["healthcheck"]
    assert check == {"disable": True} if name == "topics" else check["test"][0] == "CMD"
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["networks"] in (["inside"], ["inside", "outside"])


@pytest.mark.parametrize("profile", PROFILES)
def test_images_are_pinned(profile: str) -> None:
    for name, service in services(profile).items():
        assert PINNED.fullmatch(service["image"]), (name, service["image"])


@pytest.mark.parametrize("profile", PROFILES)
def test_a_role_has_time_to_finish_its_work(profile: str) -> None:
    for service in roles(profile).values():
        assert seconds(service["stop_grace_period"]) >= settings(profile, service).kafka.drain_s + 5


@pytest.mark.parametrize("profile", PROFILES)
def test_our_image_can_write_nothing_but_what_is_named(profile: str) -> None:
    for name, service in ours(profile).items():
        assert service["read_only"] is True
        assert service["tmpfs"] == ["/tmp"]
        assert service["cap_drop"] == ["ALL"]
        assert "cap_add" not in service
        assert "privileged" not in service
        own = {at for at, source in mounted(service).items() if not source.startswith(".")}
        assert own <= {"/var/lib/zeta/index", "/var/lib/zeta/archive"}, name


@pytest.mark.parametrize("profile", PROFILES)
def test_only_what_must_reach_the_outside(profile: str) -> None:
    assert project(profile)["networks"]["inside"] == {"internal": True}
    outside = {n for n, row in ours(profile).items() if "outside" in row["networks"]}
    assert outside == {"gateway", "dashboard"}


@pytest.mark.parametrize("profile", PROFILES)
def test_roles_wait_for_their_topics(profile: str) -> None:
    done = {"topics": {"condition": "service_completed_successfully"}}
    assert all(row["depends_on"] == done for row in roles(profile).values())
    waits = services(profile)["topics"]["depends_on"]
    assert waits == {"kafka": {"condition": "service_healthy"}}


def test_only_the_grader_may_make_namespaces() -> None:
    option = "seccomp=./deploy/compose/grader-seccomp.json"
    for name, service in raw()["services"].items():
        more = set(service["security_opt"]) - {"no-new-privileges:true"}
        assert more == ({option, "apparmor=unconfined"} if name == "grader" else set()), name
    profile = json.loads((ROOT / "deploy" / "compose" / "grader-seccomp.json").read_text())
    (refused,) = profile["syscalls"]
    assert refused["action"] == "SCMP_ACT_ERRNO"
    assert not OF_THE_SANDBOX & set(refused["names"])
    assert {"bpf", "ptrace", "keyctl", "setns", "init_module", "io_uring_setup"} <= set(
        refused["names"]
    )
    assert len(set(refused["names"])) == len(refused["names"])


def test_the_grader_has_memory_for_its_sandboxes() -> None:
    service = services("gpu")["grader"]
    limit = service["deploy"]["resources"]["limits"]["memory"]
    at_a_time = settings("gpu", service).grading.concurrency
    # Beside what a role takes itself. A trial has two processes, of which one may take all.
    needed = at_a_time * Limits().memory_bytes + 512 * BYTES["M"]
    assert int(limit[:-1]) * BYTES[limit[-1]] >= needed


def test_each_text_model_has_a_gpu_to_itself() -> None:
    given: dict[str, list[str]] = {}
    for name, service in services("gpu").items():
        reserved = service["deploy"]["resources"].get("reservations", {}).get("devices", [])
        # By number: a count alone would give every service the same first GPU.
        for row in reserved:
            assert (row["driver"], row["capabilities"]) == ("nvidia", ["gpu"])
            given[name] = row["device_ids"]
    assert set(given) == {name for name in services("gpu") if name.startswith(("tgi-", "tei-"))}
    for name in ("tgi-code-7b", "tgi-reasoning-14b"):
        assert all(given[name] != ids for other, ids in given.items() if other != name)
