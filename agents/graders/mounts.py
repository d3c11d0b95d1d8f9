"""The little of the host that a sandbox shows, all of it read-only."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

PACKAGE_AT = "/grader/agents/graders/inside"

_LIBRARIES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")


@dataclass(frozen=True)
class Mount:
    """A file or folder of the host, and where it is seen; ``kind`` is the bubblewrap option."""

    source: str
    seen: str
    kind: str = "--ro-bind"

    def as_seen(self) -> Mount:
        """The same, from inside a sandbox that has it already."""
        return self if self.kind in ("--symlink", "--tmpfs") else replace(self, source=self.seen)


def _libraries() -> Iterator[Mount]:
    for path in map(Path, _LIBRARIES):
        if path.is_symlink():
            yield Mount(str(path.readlink()), str(path), "--symlink")
        elif path.is_dir():
            yield Mount(str(path), str(path))
    cache = Path("/etc/ld.so.cache")
    if cache.exists():
        yield Mount(str(cache), str(cache))


def _python() -> Iterator[Mount]:
    """The interpreter, where the host has it (it may look for its library there), and its library.

    Without its site-packages: an answer has the standard library only.
    """
    prefix, standard = Path(sys.base_prefix), Path(sysconfig.get_path("stdlib"))
    library = Path(sysconfig.get_config_var("LIBDIR") or "") / (
        sysconfig.get_config_var("INSTSONAME") or ""
    )
    extensions = Path(sysconfig.get_config_var("DESTSHARED") or standard)
    for path in (prefix / "bin" / _python_name(), standard, extensions, library):
        if path.exists() and path.is_absolute():
            yield Mount(str(path), str(path))
    if (standard / "site-packages").is_dir():
        yield Mount("", str(standard / "site-packages"), "--tmpfs")


def _python_name() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def mounts() -> tuple[str, list[Mount]]:
    """Python's path, and what it needs to run and the package ``inside``."""
    package = Path(__file__).parent / "inside"
    found = [
        *_libraries(),
        *_python(),
        Mount("/dev/null", "/dev/null", "--dev-bind"),
        Mount(str(package), PACKAGE_AT),
    ]
    return str(Path(sys.base_prefix) / "bin" / _python_name()), found


def mount_arguments(places: Sequence[Mount]) -> Iterator[str]:
    """Arguments for bwrap, parents first: it would make folders above a mount unreadable."""
    above = {str(parent) for place in places for parent in Path(place.seen).parents}
    links = {place.seen for place in places if place.kind == "--symlink"}
    for folder in sorted(above - links - {"/"}):
        yield from ("--perms", "0755", "--dir", folder)
    for place in sorted(places, key=lambda place: len(Path(place.seen).parts)):
        source = () if place.kind == "--tmpfs" else (place.source,)
        yield from (place.kind, *source, place.seen)
