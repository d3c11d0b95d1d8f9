"""Grades code as the container of docker-compose.yml would: under its profile, without new rights.

``python -m tests.deploy.confined PROFILE [CALL...]`` prints the results of two tests as JSON;
``CALL`` are system calls that are refused besides.
"""

from __future__ import annotations

import ctypes
import errno
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agents.graders.code import LIMITS
from agents.graders.sandbox import SandboxUnavailableError
from agents.graders.seccomp import assembled
from agents.graders.trial import Job, run

_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def numbers(names: Sequence[str]) -> list[int]:
    """The system calls of this machine; those that it doesn't have are left out, as runc does."""
    resolve = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name
    found = [resolve(name.encode()) for name in names]
    return [number for number in found if number >= 0]


def confine(refused: Sequence[int]) -> None:
    """Refuses these system calls to this process and all that it starts, for ever."""
    program = [(_LOAD, 0, 0, 0)]
    for number in refused:
        program += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | errno.EPERM)]
    raw = assembled([*program, (_RETURN, 0, 0, _ALLOW)])
    buffer = ctypes.create_string_buffer(raw)
    filtered = _Program(len(raw) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((_NO_NEW_PRIVILEGES, 1, 0), (_SECCOMP, _FILTER, ctypes.byref(filtered))):
        if libc.prctl(*call, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def main() -> None:
    path, *more = sys.argv[1:]
    (rule,) = json.loads(Path(path).read_text())["syscalls"]
    confine(numbers([*rule["names"], *more]))
    job = Job("", "def more(x):\n    return x + 1", ("assert more(1) == 2", "assert more(1) == 3"))
    try:
        print(json.dumps(run(job, LIMITS)))
    except SandboxUnavailableError as error:
        print(json.dumps(str(error)))


if __name__ == "__main__":
    main()
