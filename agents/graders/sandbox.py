"""Python in a sandbox: bubblewrap's namespaces, a filter on system calls, and limits."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from agents.graders.grade import GradeError
from agents.graders.mounts import Mount, mount_arguments, mounts
from agents.graders.seccomp import refusing

INSTALL = "install bubblewrap (Debian: apt-get install bubblewrap)"

# What the host's root becomes before anything foreign runs: "nobody".
NOBODY = 65534
_ORDINARY_ID = 1000
_MIB = 1024 * 1024


class SandboxUnavailableError(GradeError):
    """No sandbox can be had here; the message says why and what to do. Nothing was run."""


@dataclass(frozen=True)
class Limits:
    """What one sandboxed process may use; ``*_bytes`` in bytes.

    ``cpu_s`` whole seconds of CPU; ``wall_s`` from when it is ready; ``start_s`` until then;
    ``memory_bytes`` of address space (Python itself takes about 30 MiB); ``tasks`` threads, with
    the sandbox's own two processes; ``tmp_bytes`` all of /tmp, which is memory too.
    """

    cpu_s: int = 5
    wall_s: float = 15.0
    start_s: float = 10.0
    memory_bytes: int = 512 * _MIB
    file_bytes: int = 4 * _MIB
    tmp_bytes: int = 16 * _MIB
    open_files: int = 64
    tasks: int = 32


def _boot(limits: Limits, module: str, *args: int) -> str:
    """Python that limits itself, then runs a module's ``main``."""
    return (
        "import sys; sys.path.append('/grader')\n"
        "from agents.graders.inside.limiting import apply\n"
        f"apply({limits.cpu_s}, {limits.memory_bytes}, {limits.file_bytes}, "
        f"{limits.open_files}, {limits.tasks})\n"
        f"from agents.graders.inside.{module} import main\n"
        f"main({', '.join(map(str, args))})\n"
    )


def _found(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        raise SandboxUnavailableError(
            f"code can't be graded: '{command}' isn't installed, and it is never run "
            f"without a sandbox; {INSTALL}"
        )
    return path


def _bwrap(bwrap: str, places: Sequence[Mount], limits: Limits, filter_fd: int) -> list[str]:
    """The sandbox: new namespaces of every kind, nothing writable but its own /tmp."""
    return [
        bwrap, "--unshare-user", "--unshare-all", "--die-with-parent", "--new-session",
        "--uid", str(_ORDINARY_ID), "--gid", str(_ORDINARY_ID), "--hostname", "sandbox",
        "--cap-drop", "ALL", "--clearenv", "--setenv", "HOME", "/tmp",  # noqa: S108
        "--setenv", "PYTHONHASHSEED", "0", "--setenv", "LC_ALL", "C.UTF-8",
        *mount_arguments(places),
        "--size", str(limits.tmp_bytes), "--tmpfs", "/tmp",  # noqa: S108
        "--remount-ro", "/", "--chdir", "/tmp", "--seccomp", str(filter_fd), "--",  # noqa: S108
    ]  # fmt: skip


def _as_nobody(bwrap: str, places: Sequence[Mount]) -> list[str]:
    """For the host's root: an outer sandbox in which to become nobody, before the real one.

    Root's own processes escape RLIMIT_NPROC, and a hole in the sandbox would be root's. Nobody
    may not enter /root, where a Python may be: the outer one has folders of its own around it.
    Its process namespace ends all: root without capabilities, as bubblewrap makes itself, may
    not signal nobody's processes, so that they'd outlive it.
    """
    setpriv = _found("setpriv")
    tools = [Mount(path, path) for path in (bwrap, setpriv)]
    return [
        bwrap, "--unshare-pid", "--die-with-parent", *mount_arguments([*places, *tools]),
        "--perms", "0755", "--dir", "/tmp", "--bind", "/proc", "/proc", "--",  # noqa: S108
        setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
        "--inh-caps=-all", "--bounding-set=-all", "--pdeathsig", "KILL",
    ]  # fmt: skip


def command(limits: Limits, filter_fd: int, boot: str) -> list[str]:
    """The whole command line.

    Raises:
        SandboxUnavailableError: a program that it takes is missing.
    """
    bwrap = _found("bwrap")
    python, places = mounts()
    outer: list[str] = []
    if os.geteuid() == 0:
        outer = _as_nobody(bwrap, places)
        places = [place.as_seen() for place in places]
    inner = _bwrap(bwrap, places, limits, filter_fd)
    # Of PYTHON* only the hash seed is set, for grades that don't change; no site, no user site.
    return [*outer, *inner, python, "-P", "-s", "-S", "-B", "-c", boot]


@contextmanager
def started(
    limits: Limits,
    module: str,
    *,
    stdin: int,
    stderr: int,
    channel: int | None = None,
    system_calls: bytes | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs ``main`` of a module of ``inside`` until the block ends; then all of it is dead.

    The process has these descriptors and no others; ``channel``'s number is ``main``'s argument.
    bubblewrap says on ``stderr`` why it can't start, if so. ``system_calls`` is the filter.

    Raises:
        SandboxUnavailableError: no bubblewrap, or a machine that the filter doesn't know.
    """
    filter_fd = os.memfd_create("seccomp", 0)
    try:
        os.write(filter_fd, refusing() if system_calls is None else system_calls)
        os.lseek(filter_fd, 0, os.SEEK_SET)
        channels = () if channel is None else (channel,)
        process = subprocess.Popen(
            command(limits, filter_fd, _boot(limits, module, *channels)),
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            pass_fds=(filter_fd, *channels),
            env={},
            start_new_session=True,
        )
    finally:
        os.close(filter_fd)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
