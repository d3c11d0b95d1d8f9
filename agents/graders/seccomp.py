"""The system calls that a sandbox refuses, as the program that the kernel takes (seccomp-BPF).

A process in the sandbox may start threads but no process: so its memory limit holds for all of
it, a fork bomb ends at its first fork, and nothing can outlive it. RLIMIT_NPROC alone wouldn't do:
the kernel doesn't hold the host's root to it, even inside a user namespace. A file in memory
(memfd) would be memory that no limit counts.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterable, Mapping

from agents.graders.grade import GradeError

# Machine: its audit number, then system calls by name (see unistd.h of each).
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SHARED = {  # newer ones have one number on every machine
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "mount_setattr": 442, "io_uring_enter": 426, "io_uring_register": 427,
}  # fmt: skip
_NUMBERS: Mapping[str, Mapping[str, int]] = {
    "x86_64": {
        "fork": 57, "vfork": 58, "clone": 56, "clone3": 435, "socket": 41,
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311,
        "shmget": 29, "semget": 64, "msgget": 68,
        "unshare": 272, "setns": 308, "mount": 165,
        "add_key": 248, "request_key": 249, "keyctl": 250,
        "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
        "open_by_handle_at": 304, "name_to_handle_at": 303, "fanotify_init": 300,
        "memfd_create": 319, "memfd_secret": 447, "pidfd_getfd": 438, "process_madvise": 440,
        "kcmp": 312, "personality": 135, "syslog": 103, "modify_ldt": 154,
        "umount2": 166, "pivot_root": 155, "chroot": 161, **_SHARED,
    },
    "aarch64": {
        "clone": 220, "clone3": 435, "socket": 198,
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
        "shmget": 194, "semget": 190, "msgget": 186,
        "unshare": 97, "setns": 268, "mount": 40,
        "add_key": 217, "request_key": 218, "keyctl": 219,
        "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425,
        "open_by_handle_at": 265, "name_to_handle_at": 264, "fanotify_init": 262,
        "memfd_create": 279, "memfd_secret": 447, "pidfd_getfd": 438, "process_madvise": 440,
        "kcmp": 272, "personality": 92, "syslog": 116,
        "umount2": 39, "pivot_root": 41, "chroot": 51, **_SHARED,
    },
}  # fmt: skip


def refused(machine: str) -> dict[str, int]:
    """The system calls, by name, that fail with EPERM whatever their arguments."""
    varied = ("clone", "clone3", "socket")
    return {name: number for name, number in _NUMBERS[machine].items() if name not in varied}


_X32_BIT = 0x40000000
_CLONE_THREAD = 0x00010000
# AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: those that a network namespace contains; AF_VSOCK isn't.
_FAMILIES = (1, 2, 10, 16)

_LOAD, _JUMP_EQUAL, _JUMP_FROM, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000

Instruction = tuple[int, int, int, int]


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _return(action: int) -> Instruction:
    return (_RETURN, 0, 0, action)


def _refuse(number: int, error: int = errno.EPERM) -> list[Instruction]:
    return [(_JUMP_EQUAL, 0, 1, number), _return(_ERROR | error)]


def _threads_only(clone: int) -> list[Instruction]:
    return [
        (_JUMP_EQUAL, 0, 4, clone),
        _load(_FIRST_ARGUMENT_AT),
        (_JUMP_BITS, 1, 0, _CLONE_THREAD),
        _return(_ERROR | errno.EPERM),
        _return(_ALLOW),
    ]


def _families_only(socket: int) -> list[Instruction]:
    body = [_load(_FIRST_ARGUMENT_AT)]
    for family in _FAMILIES:
        body += [(_JUMP_EQUAL, 0, 1, family), _return(_ALLOW)]
    body.append(_return(_ERROR | errno.EPERM))
    return [(_JUMP_EQUAL, 0, len(body), socket), *body]


def assembled(instructions: Iterable[Instruction]) -> bytes:
    """As an array of the kernel's ``struct sock_filter``."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


ALLOW_ALL = assembled([_return(_ALLOW)])
"""Refuses nothing."""


def refusing(machine: str | None = None) -> bytes:
    """The program for this machine (or the one named, as ``platform.machine`` has it).

    Refused calls fail with EPERM; ``clone3``, whose flags can't be read here, with ENOSYS, so
    that the C library takes ``clone``. Calls in a foreign binary format end the process.

    Raises:
        GradeError: a machine whose system calls aren't known here.
    """
    machine = machine or platform.machine()
    if machine not in _AUDIT:
        raise GradeError(f"no code is run on {machine}: known are {', '.join(_AUDIT)}")
    clone, clone3, socket = (_NUMBERS[machine][name] for name in ("clone", "clone3", "socket"))
    program = [
        _load(_MACHINE_AT),
        (_JUMP_EQUAL, 1, 0, _AUDIT[machine]),
        _return(_KILL),
        _load(_NUMBER_AT),
        (_JUMP_FROM, 0, 1, _X32_BIT),
        _return(_KILL),
        *_refuse(clone3, errno.ENOSYS),
    ]
    for number in refused(machine).values():
        program += _refuse(number)
    program += [*_threads_only(clone), *_families_only(socket), _return(_ALLOW)]
    return assembled(program)
