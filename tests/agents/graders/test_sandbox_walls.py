"""An answer reaches for what isn't its own. Each attack is really run."""

from __future__ import annotations

import os
import socket
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.graders.seccomp import ALLOW_ALL
from tests.agents.graders.attack import MANY_FILES, passed

pytestmark = pytest.mark.usefixtures("nothing_survives")


@pytest.mark.parametrize("folder", ["/", "/dev", "/usr/lib", "/grader", "/root", "/etc", "/usr"])
def test_it_writes_nowhere_else(folder: str) -> None:
    assert passed(MANY_FILES, f"assert f('{folder}') == 0") == [True]


@pytest.fixture
def listener() -> Iterator[tuple[int, list[object]]]:
    """A port of the host's loopback, and who has connected to it."""
    arrived: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while not arrived or arrived[-1] != "over":
                connection, _ = server.accept()
                with connection:
                    arrived.append(connection.recv(100).decode())

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], arrived
        with socket.create_connection(server.getsockname()) as last:
            last.sendall(b"over")
        thread.join()
    assert arrived == ["over"]


def test_no_network_call_arrives(listener: tuple[int, list[object]]) -> None:
    answer = (
        "import socket\ndef f(port):\n    try:\n"
        "        socket.create_connection(('127.0.0.1', port), 1).sendall(b'secret')\n"
        "    except OSError as error: return type(error).__name__\n    return 'arrived'"
    )
    test = f"assert f({listener[0]}) == 'ConnectionRefusedError'"
    assert passed(answer, test) == [True]
    assert passed(answer, test, system_calls=ALLOW_ALL) == [True]


def test_sockets_of_other_families_are_refused() -> None:
    answer = (
        "import socket\ndef f(family):\n    try: socket.socket(family, 1).close()\n"
        "    except OSError as error: return type(error).__name__"
    )
    tests = (
        "import socket\nassert f(int(socket.AF_VSOCK)) == 'PermissionError'",
        "assert f(2) is None",
    )
    assert passed(answer, *tests) == [True, True]


READ = """
import os
def read(path):
    try:
        return os.listdir(path) if os.path.isdir(path) else open(path).read()
    except OSError as error:
        return type(error).__name__
"""


def test_it_reads_no_file_of_the_host(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    secret.chmod(0o644)
    paths = [str(secret), "/etc/passwd", "/etc/shadow", "/proc/1/environ", "/proc/self/environ"]
    tests = [f"assert read({path!r}) == 'FileNotFoundError'" for path in [*paths, "/proc", "/home"]]
    assert all(passed(READ, *tests))
    assert passed(READ, "assert 'hidden' in read('/grader') or 'agents' in read('/grader')") == [
        True
    ]


def test_it_reads_no_home() -> None:
    """At most the way to a Python that lives there is seen."""
    home = Path.home()
    beside = sorted(path.name for path in home.iterdir() if not in_use(path))
    tests = [f"assert read({str(home / name)!r}) == 'FileNotFoundError'" for name in beside]
    assert all(passed(READ, *tests, "assert read(os.environ['HOME']) == read('/tmp') == []"))
    assert beside
    shown = [path.name for path in home.iterdir() if in_use(path)] or "FileNotFoundError"
    assert passed(READ, f"assert read({str(home)!r}) == {shown!r}") == [True]


def in_use(path: Path) -> bool:
    """Whether this Python's library is in there."""
    return Path(sysconfig.get_path("stdlib")).is_relative_to(path)


def test_it_sees_no_installed_package() -> None:
    path = str(Path(sysconfig.get_path("stdlib")) / "site-packages")
    assert passed(READ, f"assert read({path!r}) in ([], 'FileNotFoundError')") == [True]


def test_it_sees_none_of_the_hosts_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    answer = "import os\ndef f(): return sorted(os.environ)"
    known = ["HOME", "LC_ALL", "PWD", "PYTHONHASHSEED"]
    assert passed(answer, f"assert f() == {known}") == [True]


def test_it_holds_no_descriptor_but_its_own() -> None:
    answer = (
        "import os, stat\ndef f():\n    found = []\n    for n in range(64):\n"
        "        try: found.append(stat.S_ISSOCK(os.fstat(n).st_mode))\n"
        "        except OSError: pass\n    return found"
    )
    assert passed(answer, "assert f() == [False, False, False, True]") == [True]


def test_links_lead_to_the_sandbox_only(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    answer = READ + (
        "def link(target):\n    os.symlink(target, '/tmp/link')\n    return read('/tmp/link')\n"
        "def climb(path):\n    return read('../' * 20 + path)\n"
        "def hard():\n    try: os.link('/usr/lib/os-release', '/tmp/hard')\n"
        "    except OSError: return 'refused'\n"
    )
    tests = (
        f"assert link({str(tmp_path / 'secret')!r}) == 'FileNotFoundError'",
        f"assert climb({str(tmp_path / 'secret')!r}) == 'FileNotFoundError'",
        "assert hard() == 'refused'",
    )
    assert passed(answer, *tests) == [True, True, True]
    assert (tmp_path / "secret").read_text() == "hidden"


def test_the_hosts_tmp_stays_as_it_was() -> None:
    mark = Path("/tmp") / f"zeta-sandbox-{os.getpid()}"
    answer = "def f(path):\n    open(path, 'w').write('x')\n    return open(path).read()"
    assert passed(answer, f"assert f({str(mark)!r}) == 'x'") == [True]
    assert not mark.exists()


def test_it_signals_no_process_of_the_host() -> None:
    """Neither this one, its parent, nor those beside it; and with -1 it ends only itself."""
    answer = (
        "import os, signal\ndef f(pid):\n    try: os.kill(pid, signal.SIGKILL)\n"
        "    except OSError as error: return type(error).__name__\n    return 'sent'\n"
        "def parent(): return f(os.getppid())\n"
    )
    pids = [os.getpid(), os.getppid(), 40_000]
    tests = [f"assert f({pid}) == 'ProcessLookupError'" for pid in pids]
    assert passed(answer, *tests, "assert parent() == 'sent'") == [True] * 4
    assert passed(answer, "f(-1)", "assert f(1) == 'sent'") == [True, True]


def test_it_is_no_root_and_becomes_none() -> None:
    answer = (
        "import os, ctypes\ndef f():\n    ids = os.getuid(), os.geteuid(), os.getgid()\n"
        "    return ids, ctypes.CDLL(None).unshare(0x10000000), ctypes.CDLL(None).setuid(0)"
    )
    assert passed(answer, "assert f() == ((1000, 1000, 1000), -1, -1)") == [True]


def test_shared_memory_outside_the_limit_is_refused() -> None:
    answer = "import ctypes\ndef f(): return ctypes.CDLL(None).shmget(0, 1 << 30, 0o1600)"
    assert passed(answer, "assert f() == -1") == [True]
    assert passed(answer, "assert f() == -1", system_calls=ALLOW_ALL) == [False]
