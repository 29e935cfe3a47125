"""Calls of the kernel: which a process may still make, as a program for seccomp. Pure.

What is not named is refused: processes, threads, signals to others, sockets, modes and owners of
files, tracing, mounting, and whatever kernels will learn. See `man 2 seccomp`, `linux/filter.h`.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Kinds of machine whose calls are known here, and what the kernel calls them."""

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
"""Refused calls fail as if not permitted (`EPERM`)."""

_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16

_NONE = -1
_TABLE = """
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, lseek 8 62,
close 3 57, open 2 -1, openat 257 56, stat 4 -1, lstat 6 -1, fstat 5 80, newfstatat 262 79,
statx 332 291, access 21 -1, faccessat 269 48, faccessat2 439 439, readlink 89 -1,
readlinkat 267 78, getcwd 79 17, chdir 80 49, fchdir 81 50, getdents64 217 61, mkdir 83 -1,
mkdirat 258 34, rmdir 84 -1, unlink 87 -1, unlinkat 263 35, rename 82 -1, renameat 264 38,
renameat2 316 276, ftruncate 77 46, fsync 74 82, fdatasync 75 83, dup 32 23, dup2 33 -1,
dup3 292 24, pipe 22 -1, pipe2 293 59, poll 7 -1, ppoll 271 73, select 23 -1, pselect6 270 72,
epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232 -1, epoll_pwait 281 22, eventfd2 290 19,
sendfile 40 71, copy_file_range 326 285, fadvise64 221 223, umask 95 166, mmap 9 222,
munmap 11 215, mprotect 10 226, mremap 25 216, madvise 28 233, brk 12 214, rt_sigaction 13 134,
rt_sigprocmask 14 135, rt_sigreturn 15 139, sigaltstack 131 132, futex 202 98,
set_robust_list 273 99, rseq 334 293, clock_gettime 228 113, clock_getres 229 114,
clock_nanosleep 230 115, nanosleep 35 101, gettimeofday 96 169, time 201 -1, times 100 153,
getrusage 98 165, setitimer 38 103, getitimer 36 102, alarm 37 -1, pause 34 -1,
restart_syscall 219 128, getpid 39 172, getppid 110 173, gettid 186 178, getuid 102 174,
geteuid 107 175, getgid 104 176, getegid 108 177, getrandom 318 278, sched_yield 24 124,
sched_getaffinity 204 123, uname 63 160, exit 60 93, exit_group 231 94, recvfrom 45 207
"""
"""Name, number on x86_64 and on aarch64; -1 where there is none."""


class _Bound(NamedTuple):
    """A call that is allowed only where one of its arguments has one of these values."""

    numbers: tuple[int, int]
    argument: int
    values: tuple[int, ...]


_BOUND = (
    # Of `fcntl` not who is signalled by a file: that signals anybody.
    _Bound((72, 25), 1, (0, 1, 2, 3, 4, 5, 6, 7, 1030)),
    # Of `ioctl` what tells of terminals and sizes, and what blocks or is inherited.
    _Bound((16, 29), 1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
    # A pair of sockets is a pipe, which event loops want; only to its other end may it send.
    _Bound((53, 199), 0, (1,)),
    _Bound((44, 206), 4, (0,)),
)


def program(machine: str) -> bytes:
    """Return the filter for a kind of machine, 8 bytes a step.

    Raises:
        ValueError: its calls are not known here.
    """
    place = list(MACHINES).index(machine)
    steps = [
        _step(_LOAD, _MACHINE),
        _step(_EQUAL, MACHINES[machine], skip_if=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    for number in _allowed(place):
        steps += [_step(_EQUAL, number, skip_unless=1), _step(_RETURN, _ALLOW)]
    for bound in _BOUND:
        steps += _bounded(bound, bound.numbers[place])
    return b"".join([*steps, _step(_RETURN, _REFUSE)])


def _allowed(place: int) -> Iterator[int]:
    for row in _TABLE.split(","):
        number = int(row.split()[1 + place])
        if number != _NONE:
            yield number


def _bounded(bound: _Bound, number: int) -> list[bytes]:
    """Compare both halves of a 64-bit argument; the kernel may read either more than the other."""
    low = _ARGUMENTS + 8 * bound.argument
    check = [_step(_LOAD, low + 4), _step(_EQUAL, 0, skip_if=1), _step(_RETURN, _REFUSE)]
    check.append(_step(_LOAD, low))
    for value in bound.values:
        check += [_step(_EQUAL, value, skip_unless=1), _step(_RETURN, _ALLOW)]
    check.append(_step(_RETURN, _REFUSE))
    return [_step(_EQUAL, number, skip_unless=len(check)), *check]


def _step(code: int, value: int, *, skip_if: int = 0, skip_unless: int = 0) -> bytes:
    return struct.pack("=HBBI", code, skip_if, skip_unless, value)
