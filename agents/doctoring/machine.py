"""The machine itself: Python and packages, Java, the sandbox of the code grader, disks."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from agents.doctoring.finding import Finding, fail, ok, warn
from agents.graders.code import grade
from agents.graders.grade import GradeError
from agents.index_home import index_directory
from schemas.query import Reference
from schemas.response import Response
from streams import broker
from streams.broker.java import find_java, find_maven
from streams.settings import Settings

OLDEST_PYTHON = (3, 11)
LEAST_FREE = 100 * 2**20
LITTLE_FREE = 2 * 2**30
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?>=([0-9.]+)$")
_GIB = 2**30

Free = Callable[[Path], int]
VersionOf = Callable[[str], str]


def python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Finding:
    """Whether this Python is new enough."""
    shown = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return fail("python", f"Python {shown} is too old", f"install Python {oldest} or newer")
    return ok("python", f"Python {shown}")


def packages(
    requirements: Iterable[str] | None = None, version_of: VersionOf = metadata.version
) -> Finding:
    """Whether the packages that the product needs are there, and new enough."""
    asked = metadata.requires("zeta-router") if requirements is None else requirements
    needed = [found for text in asked or () if (found := _REQUIREMENT.match(text))]
    wrong = [
        problem
        for name, oldest in map(_parts, needed)
        if (problem := _lacks(name, oldest, version_of))
    ]
    if wrong:
        return fail("packages", "; ".join(wrong), "run scripts/setup, or pip install -e .")
    return ok("packages", f"{len(needed)} packages are there, and new enough")


def _parts(found: re.Match[str]) -> tuple[str, str]:
    return found[1], found[2]


def _lacks(name: str, oldest: str, version_of: VersionOf) -> str | None:
    try:
        found = version_of(name)
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    return f"{name} {found} is older than {oldest}" if _numbers(found) < _numbers(oldest) else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", re.split(r"[a-z+]", version)[0])))


def java(settings: Settings | None) -> Finding:
    """Whether the local broker could run here; an outside one needs no Java."""
    try:
        find_java()
        fetched = (broker.default_cache() / f"kafka-{broker.kafka_version()}").exists()
        if not fetched:
            find_maven()
    except broker.BrokerError as error:
        where = settings.kafka.bootstrap if settings is not None else "elsewhere"
        return warn("java", str(error), f"nothing, if the broker at {where} is not run by zeta")
    jars = "fetched" if fetched else "to be fetched by Maven at its first start"
    return ok(
        "java", f"Java is there for the local broker, Kafka {broker.kafka_version()} is {jars}"
    )


def sandbox() -> Finding:
    """Whether code can be graded, by grading some."""
    reference = Reference(kind="code", value={"tests": "assert answer() == 42"})
    response = Response(query_id="doctor", answered_at=0, text="def answer():\n    return 42\n")
    try:
        right = grade(response, reference)
    except GradeError as error:
        return warn("sandbox", str(error), "nothing, if no query is graded by `code`")
    if right != 1:
        return warn("sandbox", "the sandbox ran a right answer and found it wrong", "report it")
    return ok("sandbox", "code is graded in a sandbox")


def disks(
    settings: Settings, environment: Mapping[str, str], free: Free | None = None
) -> Iterator[Finding]:
    """The room for the archive and for the index of answers; object stores aren't asked."""
    free = free or _free
    index = index_directory(settings, "grader", environment)
    yield _disk("index directory", "feedback.index_dir", index, free)
    archive = settings.archive.directory
    if "://" in archive:
        yield ok("archive directory", "an object store: its room is not asked")
    elif archive:
        yield _disk("archive directory", "archive.directory", Path(archive), free)


def _free(path: Path) -> int:
    return shutil.disk_usage(path).free


def _disk(area: str, key: str, path: Path, free: Free) -> Finding:
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    try:
        room = free(there)
    except OSError as error:
        return fail(area, f"{path} can't be looked at: {error.strerror}", f"set {key} to another")
    said = f"{path} has {room / _GIB:.1f} GiB of room"
    if room < LEAST_FREE:
        return fail(area, said, f"make room, or set {key} to another place")
    if room < LITTLE_FREE:
        return warn(area, said, f"make room, or set {key} to another place")
    if not _writable(there):
        return fail(area, f"{path} can't be written", f"grant it, or set {key} to another place")
    return ok(area, said)


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK | os.X_OK)
