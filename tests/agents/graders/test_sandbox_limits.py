"""An answer uses all that it can get. Each attack is really run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from agents.graders.seccomp import ALLOW_ALL
from tests.agents.graders.attack import MANY_FILES, SMALL, passed, sandboxed

pytestmark = pytest.mark.usefixtures("nothing_survives")


def test_the_control() -> None:
    assert passed("def f(x): return 2 * x", "assert f(2) == 4", "assert f(2) == 5") == [True, False]


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


@pytest.mark.parametrize("call", ["os.fork()", "os.posix_spawn('/bin/true', ['true'], {})"])
def test_it_starts_no_process(call: str) -> None:
    answer = f"import os\ndef f():\n    try: {call}\n    except PermissionError: return 'refused'"
    assert passed(answer, "assert f() == 'refused'") == [True]


def test_the_kernel_itself_refuses_a_process() -> None:
    """Past the C library, by the number of ``fork`` (``clone`` where there is none)."""
    number = {"x86_64": 57, "aarch64": 220}[platform.machine()]
    answer = f"import ctypes\ndef f(): return ctypes.CDLL(None).syscall({number}, 17, 0, 0, 0, 0)"
    assert passed(answer, "assert f() == -1") == [True]


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


def test_all_ends_when_the_grader_is_killed() -> None:
    code = (
        "from agents.graders.trial import Job, run\n"
        "from agents.graders.sandbox import Limits\n"
        "job = Job('', 'import time; time.sleep(3600)', ('pass',))\n"
        f"run(job, Limits(wall_s=3600, memory_bytes={SMALL.memory_bytes}))\n"
    )
    grader = subprocess.Popen([sys.executable, "-"], stdin=subprocess.PIPE, text=True)
    assert grader.stdin is not None
    with grader, grader.stdin as script:
        script.write(code)
        script.close()
        until = time.monotonic() + 20
        while sum("bwrap" not in line for line in sandboxed()) < 2 and time.monotonic() < until:
            os.sched_yield()
        assert sandboxed()
        grader.kill()


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


def test_many_files_fill_only_its_own_small_folder() -> None:
    assert passed(MANY_FILES, f"assert 10**6 < f('/tmp') <= {SMALL.tmp_bytes}") == [True]


def test_open_files_are_counted() -> None:
    answer = "import os\ndef f():\n    return [os.open('/dev/null', 0) for _ in range(1000)]"
    test = "try:\n    f()\nexcept OSError: pass\nelse: raise AssertionError"
    assert passed(answer, test) == [True]


@pytest.mark.parametrize("descriptor", [1, 2])
def test_endless_output_goes_nowhere(descriptor: int) -> None:
    answer = f"import os\ndef f():\n    while True: os.write({descriptor}, bytes(65536))"
    assert passed(answer, "f()") == [False]


@pytest.mark.parametrize("descriptor", [1, 2])
def test_much_output_holds_nothing_up(descriptor: int) -> None:
    answer = f"import os\ndef f():\n    for _ in range(100): os.write({descriptor}, bytes(65536))"
    assert passed(answer, "f()") == [True]


def test_an_endless_result_is_refused() -> None:
    answer = "def f(n): return 'x' * n"
    tests = ("assert len(f(10**6)) == 10**6", "f(5 * 10**7)", "assert f(1) == 'x'")
    assert passed(answer, *tests) == [True, False, False]
