"""What an attacker who has read this code would try, each really run."""

from __future__ import annotations

import platform
import socket

import pytest

from agents.graders.grade import GradeError
from agents.graders.seccomp import ALLOW_ALL, refused
from agents.letters_view import escaped
from tests.agents.graders.attack import passed

pytestmark = pytest.mark.usefixtures("nothing_survives")

FORGED_NAMES = """
import sys
frame = sys._getframe()
while 'self' not in frame.f_locals or not hasattr(frame.f_locals['self'], 'export'):
    frame = frame.f_back
peer = frame.f_locals['self']
encode = peer._encode
def yes(*args): return 7
def forged(value):
    if type(value) is list and len(value) == 3:
        names = {n: yes for n in ('sorted', 'len', 'str', 'round', 'all', 'abs', 'set')}
        given = {'__builtins__': names, 'f': yes, **names}
        kinds = {'__builtins__': ['__builtins__', 'Exception'], 'len': ['len', 'Exception']}
        modules = {'__builtins__': 'math', '__name__': 'os', 'len': 'math'}
        value = [given, modules, kinds]
        peer._encode = encode
    return encode(value)
peer._encode = forged
"""


def test_a_forged_namespace_gives_the_tests_no_names_but_the_answers_own() -> None:
    tests = (
        "assert sorted(f([3, 1])) == sorted([3, 1])",
        "assert len(f([3, 1])) == 2",
        "assert str(f(2)) == str(4)",
        "assert round(f(2), 3) == round(1.5, 3)",
        "assert set([f(2)]) == set([4])",
        "assert __builtins__['len'] is not f and False",
        "import builtins\nassert len is not builtins.len",
    )
    assert not any(passed(FORGED_NAMES, *tests))
    assert passed(FORGED_NAMES, "assert f(2) == 7") == [True], "the forgery itself works"


SEEKS_THE_REFERENCE = """
import gc, os, sys, threading
def words():
    seen = [repr(sys.argv), repr(os.environ), repr(sys.orig_argv)]
    for thread, frame in sys._current_frames().items():
        while frame is not None:
            seen += [repr(frame.f_locals)[:100000], repr(frame.f_code.co_consts)]
            frame = frame.f_back
    for value in gc.get_objects():
        if type(value) in (str, dict, list, tuple, bytes):
            seen.append(repr(value)[:100000])
    try: 1 / 0
    except ZeroDivisionError as error:
        walk = error.__traceback__.tb_frame
        while walk is not None:
            seen.append(repr(walk.f_globals)[:100000]); walk = walk.f_back
    for name in ('environ', 'cmdline', 'maps', 'mem', 'fd', 'task'):
        for pid in ('self', *range(1, 40)):
            try: seen.append(open(f'/proc/{pid}/{name}', 'rb').read(100000).decode('latin-1'))
            except OSError: pass
    for descriptor in range(64):
        if descriptor == 3: continue
        try: seen.append(os.pread(descriptor, 1000, 0).decode('latin-1'))
        except OSError: pass
    return any('xyzzy' + 'reference' in word for word in seen)
found = words()
def f(): return found or words()
"""


def test_the_reference_is_nowhere_in_the_answers_process() -> None:
    test = "expected = 'xyzzyreference'\nassert f() == False"
    assert passed(SEEKS_THE_REFERENCE, test, "assert f() == ''.join(['xyzzy'])") == [True, False]


def test_calls_that_only_an_attack_needs_are_refused_by_the_filter() -> None:
    """By number, past the C library: EPERM, although arguments are nonsense."""
    numbers = sorted(refused(platform.machine()).values())
    answer = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "def f(number):\n    ctypes.set_errno(0)\n"
        "    got = libc.syscall(number, -1, -1, -1, -1, -1)\n"
        "    return got, ctypes.get_errno()\n"
    )
    tests = [f"assert f({number}) == (-1, 1)" for number in numbers]
    assert passed(answer, *tests) == [True] * len(numbers)
    wanted = {"ptrace", "mount", "unshare", "bpf", "keyctl", "userfaultfd", "io_uring_setup"}
    wanted |= {"memfd_create", "pidfd_getfd", "fsopen", "open_tree", "chroot", "io_uring_enter"}
    assert wanted <= set(refused(platform.machine()))


def test_memory_files_would_be_memory_without_a_limit() -> None:
    answer = (
        "import os\ndef f():\n    try: file = os.memfd_create('x')\n"
        "    except OSError: return 0\n    return os.write(file, bytes(10**6))"
    )
    assert passed(answer, "assert f() == 0") == [True]
    assert passed(answer, "assert f() == 0", system_calls=ALLOW_ALL) == [False]


LIMITS = """
import resource, os
def raised():
    kinds = ('RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_FSIZE', 'RLIMIT_NOFILE', 'RLIMIT_NPROC')
    for name in kinds:
        kind = getattr(resource, name)
        soft, hard = resource.getrlimit(kind)
        for value in (hard + 1, resource.RLIM_INFINITY):
            for change in (resource.setrlimit, lambda k, v: resource.prlimit(0, k, v)):
                try: change(kind, (value, value))
                except (OSError, ValueError): continue
                return name
    return ''
def folders():
    made = []
    for path in ('/dev/shm/x', '/run/x', '/var/tmp/x', '/dev/mqueue/x', '/sys/x', '/grader/x'):
        try: open(path, 'w'); made.append(path)
        except OSError: pass
    return made
def bomb():
    import zlib, bz2, lzma
    for module, one in ((zlib, zlib.compress), (bz2, bz2.compress), (lzma, lzma.compress)):
        data = one(bytes(10**6)) * 1
        try:
            for _ in range(12): data = one(data + bytes(1))
            bytes(10**9)
        except MemoryError: continue
        return module.__name__
    return ''
"""


def test_limits_stay_and_memory_folders_are_not_there() -> None:
    tests = ("assert raised() == ''", "assert folders() == []", "assert bomb() == ''")
    assert passed(LIMITS, *tests) == [True, True, True]


SOCKETS = """
import socket
def listen():
    made = socket.socket(socket.AF_UNIX)
    made.bind('\\0zeta-meeting'); made.listen(1)
    return 'bound'
def call(path):
    try: socket.socket(socket.AF_UNIX).connect(path)
    except OSError as error: return type(error).__name__
    return 'connected'
"""


def test_abstract_sockets_end_at_the_sandbox() -> None:

    with socket.socket(socket.AF_UNIX) as mine:
        mine.bind("\0zeta-host-side")
        mine.listen(1)
        tests = (
            "assert listen() == 'bound'",
            "assert call('\\0zeta-host-side') == 'ConnectionRefusedError'",
        )
        assert passed(SOCKETS, *tests) == [True, True]


LINKS = """
import os, threading
def swapped():
    found = []
    open('/tmp/mine', 'w').write('mine')
    targets = ('/etc/passwd', '/proc/1/environ', '/grader/agents/graders/inside/judge.py')
    def swap():
        for n in range(300):
            for target in ('/tmp/mine', *targets):
                try: os.symlink(target, '/tmp/next'); os.replace('/tmp/next', '/tmp/race')
                except OSError: pass
    thread = threading.Thread(target=swap); thread.start()
    for n in range(300):
        try: open('/tmp/race', 'a').write('x')
        except OSError: pass
    thread.join()
    return [t for t in targets if os.access(t, os.W_OK)]
def hard(path):
    try: os.link(path, '/tmp/hard')
    except OSError: return 'refused'
    return 'linked'
"""


def test_links_that_change_while_they_are_opened_lead_to_nothing_writable() -> None:
    tests = (
        "assert swapped() == []",
        "assert hard('/grader/agents/graders/inside/judge.py') == 'refused'",
    )
    assert passed(LINKS, *tests) == [True, True]


HOSTILE_REPLIES = """
import sys
frame = sys._getframe()
while 'self' not in frame.f_locals or not hasattr(frame.f_locals['self'], 'export'):
    frame = frame.f_back
peer = frame.f_locals['self']
kind = 0
send = peer.send
def f(number):
    global kind
    kind = number
    return 4
REPLIES = {
    1: {'value': ['bytes', 10**12], 'args': [None]},
    2: {'value': ['int', 'f' * 10**7, 16], 'args': [None]},
    3: {'value': ['own', -1], 'args': [None]},
    4: {'value': ['decimal.Decimal', '1e999999999'], 'args': [None]},
    5: {'error': ['SystemExit', 'BaseException'], 'text': ''},
    6: {'error': [], 'text': 7},
    7: {'op': 'exec', 'args': ['1'], 'keywords': {}},
    8: {'value': ['subprocess.Popen', ['list', 'sh']], 'args': [None]},
    9: {'error': ['ChannelClosed', 'BaseException'], 'text': ''},
}
def hostile(reply):
    global kind
    number, kind = kind, 0
    send(REPLIES.get(number, reply))
peer.send = hostile
"""


def test_replies_that_are_no_values_pass_nothing_and_hide_nothing() -> None:
    tests = [f"assert f({number}) == 5" for number in range(1, 10)]
    assert not any(passed(HOSTILE_REPLIES, *tests, "assert f(0) == 5"))
    swallowed = [f"try:\n    f({number})\nexcept Exception:\n    pass" for number in (1, 8)]
    assert passed(HOSTILE_REPLIES, *swallowed, "assert f(0) == 4")[2:] == [True]


def test_what_a_bad_test_says_holds_no_escapes() -> None:

    with pytest.raises(GradeError) as error:
        passed("f = 1", "assert \x1b[31m (")
    assert "\x1b" not in escaped(str(error.value))
