"""What an answer tries and can't do. Each attack is really run; a control shows that it is one."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.graders import sandbox, trial
from agents.graders.code import grade
from agents.graders.grade import GradeError
from agents.graders.sandbox import Limits, SandboxUnavailableError
from agents.graders.seccomp import ALLOW_ALL, refusing
from agents.graders.trial import Job, run
from schemas.query import Reference
from schemas.response import Response

MIB = 1024 * 1024
# The size is this process's mark, by which its sandboxes are found among all processes.
SMALL = Limits(cpu_s=1, wall_s=4, memory_bytes=256 * MIB + os.getpid())


def passed(
    answer: str, *tests: str, limits: Limits = SMALL, system_calls: bytes | None = None
) -> list[bool]:
    return run(Job("", answer, tests), limits, system_calls)


def sandboxed() -> list[str]:
    """The command lines of this test process's sandboxes that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if str(SMALL.memory_bytes) in line:
            found.append(line)
    return found


@pytest.fixture(autouse=True)
def nothing_survives() -> Iterator[None]:
    """After each attack every process of its sandboxes is gone."""
    yield
    until = time.monotonic() + 5
    while (left := sandboxed()) and time.monotonic() < until:
        os.sched_yield()
    assert left == []


def test_the_control() -> None:
    assert passed("def f(x): return 2 * x", "assert f(2) == 4", "assert f(2) == 5") == [True, False]


# Using things up


def test_an_endless_loop_is_ended_by_its_cpu_limit() -> None:
    begun = time.monotonic()
    limits = replace(SMALL, wall_s=60)
    assert passed("def f():\n    while True: pass", "f()", "pass", limits=limits) == [False, False]
    assert time.monotonic() - begun < 30


def test_a_loop_at_import_is_ended_too() -> None:
    assert passed("while True: pass", "pass") == [False]


def test_sleep_is_ended_by_the_wall_clock() -> None:
    begun = time.monotonic()
    limits = replace(SMALL, wall_s=0.5)
    answer = "import time\ndef f(s): time.sleep(s)"
    tests = ("f(0)", "f(3600)", "pass")
    assert passed(answer, *tests, limits=limits) == [True, False, False]
    assert time.monotonic() - begun < 10


def test_the_tests_are_limited_too() -> None:
    assert passed("", "while True: pass") == [False]
    assert passed("", "bytearray(10**9)") == [False]


def test_a_memory_bomb_gets_memory_error() -> None:
    answer = "def f(n): return len(bytearray(n))"
    tests = ("assert f(50_000_000)", "f(400_000_000)", "assert f(50_000_000)")
    assert passed(answer, *tests) == [True, False, True]


@pytest.mark.parametrize("call", ["os.fork()", "os.posix_spawn('/bin/true', [''], {})"])
def test_it_starts_no_process(call: str) -> None:
    answer = f"import os\ndef f():\n    try: {call}\n    except PermissionError: return 'refused'"
    assert passed(answer, "assert f() == 'refused'") == [True]


def test_a_fork_bomb_goes_nowhere() -> None:
    assert passed("import os\nwhile True: os.fork()", "pass") == [False]


COUNT_FORKS = """
import os, time
def forks(most):
    for n in range(most):
        try: child = os.fork()
        except OSError: return n
        if not child:
            time.sleep(3600)
    return most
"""


def test_without_the_filter_the_task_limit_still_holds() -> None:
    limits = replace(SMALL, tasks=10)
    tests = ("assert 1 < forks(100) < 10",)
    assert passed(COUNT_FORKS, *tests, limits=limits, system_calls=ALLOW_ALL) == [True]
    roomy = replace(SMALL, tasks=30)
    assert passed(COUNT_FORKS, *tests, limits=roomy, system_calls=ALLOW_ALL) == [False]


def test_background_processes_die_with_the_grading() -> None:
    """The fixture sees to it that the ten that it leaves behind are gone."""
    answer = COUNT_FORKS.replace("time.sleep(3600)", "os.setsid(); time.sleep(3600)")
    assert passed(answer, "assert forks(10) == 10", system_calls=ALLOW_ALL) == [True]


def test_threads_are_counted() -> None:
    answer = (
        "import threading\nheld = threading.Event()\ndef f():\n    n = 0\n    try:\n"
        "        while n < 1000:\n"
        "            threading.Thread(target=held.wait, daemon=True).start()\n            n += 1\n"
        "    except RuntimeError: pass\n    return n"
    )
    threading_limits = replace(SMALL, memory_bytes=2**33 + SMALL.memory_bytes, tasks=12)
    assert passed(answer, "assert 2 < f() < 12", limits=threading_limits) == [True]


def test_a_file_of_10_gigabytes_is_cut_short() -> None:
    answer = (
        "import os\ndef f():\n    size = 0\n    with open('/tmp/big', 'wb', buffering=0) as file:\n"
        "        try:\n            while size < 10**10: size += file.write(bytes(10**6))\n"
        "        except OSError: pass\n    return size, os.stat('/tmp/big').st_size"
    )
    most = SMALL.file_bytes
    assert passed(answer, f"assert 0 < f()[1] <= {most}") == [True]


MANY_FILES = """
def f(folder):
    size = 0
    try:
        for n in range(1000):
            with open(f'{folder}/{n}', 'wb', buffering=0) as file:
                size += file.write(bytes(10**6))
    except OSError: pass
    return size
"""


def test_many_files_fill_only_its_own_small_folder() -> None:
    assert passed(MANY_FILES, f"assert 10**6 < f('/tmp') <= {SMALL.tmp_bytes}") == [True]


@pytest.mark.parametrize("folder", ["/", "/dev", "/usr/lib", "/grader", "/root", "/etc", "/usr"])
def test_it_writes_nowhere_else(folder: str) -> None:
    assert passed(MANY_FILES, f"assert f('{folder}') == 0") == [True]


def test_open_files_are_counted() -> None:
    answer = "import os\ndef f():\n    return [os.open('/dev/null', 0) for _ in range(1000)]"
    test = "try:\n    f()\nexcept OSError: pass\nelse: raise AssertionError"
    assert passed(answer, test) == [True]


@pytest.mark.parametrize("descriptor", [1, 2])
def test_endless_output_goes_nowhere(descriptor: int) -> None:
    answer = f"import os\ndef f():\n    while True: os.write({descriptor}, bytes(65536))"
    assert passed(answer, "f()") == [False]


def test_an_endless_result_is_refused() -> None:
    answer = "def f(n): return 'x' * n"
    tests = ("assert len(f(10**6)) == 10**6", "f(5 * 10**7)", "assert f(1) == 'x'")
    assert passed(answer, *tests) == [True, False, False]


# Reaching out


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
        "import socket\ndef f(family):\n    try: socket.socket(family, socket.SOCK_STREAM).close()\n"
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
    home = Path.home()
    (allowed,) = {Path(os.__file__).parts[len(home.parts) :][:1]} if _python_at(home) else {()}
    test = f"assert set(read({str(home)!r})) <= {{{', '.join(map(repr, allowed))}}}"
    gone = f"assert read({str(home)!r}) == 'FileNotFoundError'"
    assert passed(READ, test if allowed else gone) == [True]
    assert passed(READ, "assert read(os.environ['HOME']) == []") == [False]
    assert passed(READ, "import os\nassert read('/tmp') == []") == [True]


def _python_at(home: Path) -> bool:
    return Path(os.__file__).is_relative_to(home)


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


# Cheating


@pytest.mark.parametrize(
    "answer",
    [
        "import os\nos._exit(0)",
        "import sys\nsys.exit(0)",
        "exit = 0\nraise SystemExit(0)",
        "def f(x):\n    import os\n    os._exit(0)",
        "def f(x):\n    import sys\n    sys.exit(0)",
        "def f(x): raise KeyboardInterrupt",
        "def f(x): raise GeneratorExit",
        "import os\ndef f(x):\n    os.execv('/usr/lib/x', ['x'])",
        "print('R1.'); print('1' * 100)\ndef f(x): return 5",
        "import os\nfor n in range(64):\n    try: os.write(n, b'R1.' * 100)\n    except OSError: pass\n"
        "def f(x): return 4",
        "import builtins, sys\nbuiltins.AssertionError = builtins.print\nsys.exit = print\n"
        "builtins.exec = builtins.compile = lambda *a: None\ndef f(x): return 5",
        "import unittest, sys\nfor m in list(sys.modules.values()):\n"
        "    if 'inside' in getattr(m, '__name__', ''):\n"
        "        for n in ('passes', 'guard', 'encode'):\n"
        "            if hasattr(m, n): setattr(m, n, lambda *a: True)\ndef f(x): return 5",
        "class Yes:\n    def __eq__(self, other): return True\n    __ne__ = __lt__ = __gt__ = __eq__\n"
        "    __le__ = __ge__ = __contains__ = __eq__\n    def __sub__(self, other): return 0\n"
        "    __rsub__ = __add__ = __sub__\n    def __abs__(self): return 0\n"
        "    def __float__(self): return 4.0\n    def __hash__(self): return hash(4)\n"
        "def f(x): return Yes()",
        "class Yes(int):\n    def __eq__(self, other): return True\n"
        "    def __sub__(self, other): return 0\ndef f(x): return Yes(5)",
        "def f(x): return 5\ndef abs(x): return 0\ndef isinstance(*a): return True\n"
        "AssertionError = None",
        "import gc, types\ndef f(x):\n    for o in gc.get_objects():\n"
        "        if isinstance(o, types.FrameType): o.f_globals['f'] = lambda x: 4\n    return 5",
        "import threading, os, struct, json\ndef f(x):\n"
        "    data = json.dumps({'value': ['own', 0], 'args': [None, None]}).encode()\n"
        "    os.write(3, struct.pack('>I', len(data)) + data)\n    return 4",
    ],
)
def test_no_simple_cheat_passes(answer: str) -> None:
    tests = (
        "assert f(2) == 4",
        "assert 4 == f(2)",
        "assert abs(f(2) - 4) < 1e-6",
        "import math\nassert math.isclose(f(2), 4)",
        "assert f(2) in [4]",
        "try:\n    f(-1)\nexcept Exception:\n    pass\nassert f(2) == 4",
    )
    assert not any(passed(answer, *tests))


def test_a_passed_function_gives_no_way_into_the_tests() -> None:
    answer = (
        "def f(g):\n    for name in ('__globals__', '__code__', '__closure__', 'gi_frame'):\n"
        "        try: getattr(g, name)\n        except (AttributeError, PermissionError): continue\n"
        "        return name\n"
        "    try: return g._peer.request('getattr', g, '__globals__')\n"
        "    except RuntimeError as error: return str(error)[:15]\n"
    )
    assert passed(answer, "assert f(lambda: 0) == 'PermissionError'") == [True]


def test_an_answer_that_dies_does_not_hide_in_a_tests_except() -> None:
    answer = "import os\ndef f(): os._exit(0)"
    assert passed(answer, "try:\n    f()\nexcept BaseException:\n    pass") == [False]


# Without a sandbox


def test_without_bubblewrap_nothing_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailableError, match="install bubblewrap.*apt-get"):
        passed("", "pass")
    assert issubclass(SandboxUnavailableError, GradeError)


def test_a_bubblewrap_that_fails_means_no_grade(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As where user namespaces are refused: its own words are in the message."""
    fake, ran = tmp_path / "bwrap", tmp_path / "ran"
    fake.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    response = Response(query_id="q", answered_at=0, text=f"open({str(ran)!r}, 'w')")
    with pytest.raises(SandboxUnavailableError, match="No permissions.*user namespaces"):
        grade(response, Reference(kind="code", value={"tests": "pass"}))
    assert not ran.exists()


def test_a_sandbox_that_never_is_ready_means_no_grade(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The machine's fault isn't the model's: no 0 for an answer that was never run."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailableError, match=r"within 0\.3 s"):
        passed("", "pass", limits=replace(SMALL, start_s=0.3))


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(GradeError, match="sparc"):
        refusing("sparc")
    assert len(refusing("aarch64")) % 8 == 0


def test_no_command_line_goes_without_bubblewrap() -> None:
    line = sandbox.command(SMALL, 3, "pass")
    assert Path(line[0]).name == "bwrap"
    inner = line[len(line) - 1 - line[::-1].index("--unshare-user") :]
    assert {"--unshare-all", "--die-with-parent", "--new-session", "--clearenv"} <= set(inner)
    assert trial.run.__defaults__ == (None,)
