"""The Dockerfile: small, without a compiler, for an ordinary user, of files that there are."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

from agents.manifests.names import Target
from agents.manifests.pods import UID

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
KNOWN = {
    *("ARG", "FROM", "WORKDIR", "COPY", "RUN", "LABEL", "ENV", "USER"),
    *("HEALTHCHECK", "ENTRYPOINT", "CMD"),
}
COMPILERS = ("gcc", "g++", "build-essential", "cmake", "rust", "clang", "-dev")


@dataclass(frozen=True)
class Line:
    """One instruction, with its continued lines as one."""

    word: str
    rest: str


def lines() -> list[Line]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    joined = re.sub(r"\\\n\s*", " ", text)
    parts = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [Line(word, rest) for word, rest in parts]


def stages() -> list[list[Line]]:
    """The instructions from each FROM on."""
    found: list[list[Line]] = []
    for line in lines():
        if line.word == "FROM":
            found.append([])
        if found:
            found[-1].append(line)
    return found


def all_of(word: str, among: list[Line]) -> list[str]:
    return [line.rest for line in among if line.word == word]


def test_each_instruction_is_one() -> None:
    assert {line.word for line in lines()} <= KNOWN


def test_stages_follow_from_each_other() -> None:
    names: list[str] = []
    for stage in stages():
        image, _, name = stage[0].rest.partition(" AS ")
        assert image == "${PYTHON_IMAGE}"
        for line in stage[1:]:
            for source in re.findall(r"(?:--from=|,from=)([\w-]+)", line.rest):
                assert source in names
        names.append(name)
    assert len(names) == len(set(names)) >= 2


def test_the_base_is_pinned_and_new_enough() -> None:
    name, _, image = lines()[0].rest.partition("=")
    version = re.fullmatch(r"python:(\d+\.\d+)\.\d+-slim-[a-z]+", image)
    assert name == "PYTHON_IMAGE"
    assert version is not None
    assert version[1] >= PROJECT["requires-python"].removeprefix(">=")


def test_what_is_copied_is_there_and_sent_to_the_builder() -> None:
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in allowed
    for rest in all_of("COPY", lines()):
        *sources, _ = [word for word in shlex.split(rest) if not word.startswith("--")]
        if "--from=" in rest:
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in allowed, source
    assert not [line for line in allowed if line.startswith("!") and "/" in line]


def test_every_package_of_the_build_is_copied() -> None:
    copied = " ".join(all_of("COPY", stages()[0])).split()
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "packages"
    ]
    assert {name.partition(".")[0] for name in packages} <= set(copied)
    assert {"pyproject.toml", "constraints.txt", PROJECT["readme"]} <= set(copied)


def test_what_is_installed_is_pinned() -> None:
    (install,) = [rest for rest in all_of("RUN", stages()[0]) if "pip wheel" in rest]
    assert "--constraint constraints.txt" in install
    assert "--only-binary :all:" in install
    pinned = {_plain(row) for row in (ROOT / "constraints.txt").read_text().splitlines()}
    extras = dict(row.split("=") for row in all_of("ARG", stages()[0]))["EXTRAS"].split(",")
    wanted = [*PROJECT["dependencies"]]
    for extra in extras:
        wanted += PROJECT["optional-dependencies"][extra]
    assert {_plain(row) for row in wanted} <= pinned


def _plain(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def test_the_last_stage_has_no_compiler_and_no_more_packages_than_it_needs() -> None:
    runtime = stages()[-1]
    for rest in all_of("RUN", runtime):
        assert not any(name in rest for name in COMPILERS)
        if "apt-get install" in rest:
            installed = re.findall(r"apt-get install ([^&]*)", rest)[0].split()
            assert [word for word in installed if word[0] != "-"] == ["bubblewrap"]
            assert "--no-install-recommends" in installed
            assert "rm -rf /var/lib/apt/lists/*" in rest


def test_it_runs_as_an_ordinary_user() -> None:
    runtime = stages()[-1]
    (user,) = all_of("USER", runtime)
    assert user == f"{UID}:{UID}"
    assert any(f"--uid {UID}" in rest and f"--gid {UID}" in rest for rest in all_of("RUN", runtime))
    after = runtime[[line.word for line in runtime].index("USER") :]
    assert {line.word for line in after} == {"USER", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


def test_it_starts_what_the_project_installs() -> None:
    runtime = stages()[-1]
    assert all_of("ENTRYPOINT", runtime) == ['["zeta"]']
    assert "zeta" in PROJECT["scripts"]
    environment = dict(word.split("=", 1) for word in shlex.split(all_of("ENV", runtime)[0]))
    assert environment["ZETA_CONFIG"] == "/app/zeta.toml"
    assert (all_of("WORKDIR", runtime), environment["ZETA_HOME"]) == (["/app"], "/var/lib/zeta")
    assert environment["PATH"].startswith("/opt/zeta/bin:")


def test_its_version_is_the_projects() -> None:
    given = dict(row.partition("=")[::2] for row in all_of("ARG", stages()[-1]))
    assert given["VERSION"] == PROJECT["version"]
    tag = f"zeta-router:{PROJECT['version']}"
    assert Target().image == tag
    for name in ("docker-compose.yml", ".env.example", "Dockerfile"):
        found = set(re.findall(r"zeta-router:[\w.]+", (ROOT / name).read_text()))
        assert found == {tag}, name
    labels = all_of("LABEL", stages()[-1])[0]
    assert {f"org.opencontainers.image.{key}" for key in ("title", "version", "revision")} <= set(
        re.findall(r"[\w.]+(?==)", labels)
    )
