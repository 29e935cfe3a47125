"""The walls around one process, raised by itself before it runs a line that is not ours."""

import os
import platform
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from modelnet.resource.sandbox.inside import landlock
from modelnet.resource.sandbox.inside.filter import MACHINES, program
from modelnet.resource.sandbox.inside.kernel import (
    WallError,
    die_with_parent,
    drop_capabilities,
    filter_calls,
    keep_privileges_as_they_are,
    mount,
    unshare,
)

MEMORY_BYTES = 256 << 20
"""Address space of a process, the interpreter's own 30 MB among it."""
FILE_BYTES = 4 << 20
SCRATCH_BYTES = 16 << 20
_SCRATCH_FILES = 1024
_OPEN_FILES = 32

_SCRATCH = "/tmp"  # noqa: S108  a file system of its own, which nobody else sees
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_TOLD = ("/etc/localtime", "/usr/share/zoneinfo", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")

_NEW_USER, _NEW_MOUNTS, _NEW_NETWORK = 0x10000000, 0x00020000, 0x40000000
_NEW_IPC, _NEW_HOST = 0x08000000, 0x04000000
_PRIVATE = 0x4000 | 0x40000
"""Recursively."""
_PLAIN = 0x2 | 0x4 | 0x8
"""No set-uid, no devices, nothing to execute."""


def obstacle() -> str | None:
    """Return why nothing can be run here, where that can be told without trying."""
    if platform.machine() not in MACHINES:
        return f"the calls of a kernel on {platform.machine()} are not known here"
    if (found := landlock.version()) < landlock.OLDEST:
        told = f"version {found} of Landlock" if found else "no Landlock"
        return f"the kernel has {told}; version {landlock.OLDEST} is needed (Linux 6.2 or later)"
    return None


def enter_namespaces() -> str | None:
    """Leave network, hosts and mounts for empty ones; return the directory to work in.

    Many kernels and containers do not allow it. Then there is none, and the other walls must do.
    """
    if any(one.startswith(f"{_SCRATCH}/") for one in _interpreter()):
        return None
    user, group = os.geteuid(), os.getegid()
    try:
        unshare(_NEW_USER | _NEW_MOUNTS | _NEW_NETWORK | _NEW_IPC | _NEW_HOST)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
        mount("none", "/", "none", _PRIVATE, "")
        options = f"size={SCRATCH_BYTES},nr_inodes={_SCRATCH_FILES},mode=700"
        mount("tmpfs", _SCRATCH, "tmpfs", _PLAIN, options)
    except OSError:
        return None
    return _SCRATCH


def raise_walls(scratch: str | None, seconds: float, keep: Sequence[int]) -> None:
    """Let this process compute, and do nothing else; only the files in `keep` stay open.

    Raises:
        WallError: one of the walls cannot be raised here.
    """
    if (why := obstacle()) is not None:
        raise WallError(why)
    try:
        die_with_parent()
        _close_all_but(keep)
        os.chdir(scratch or "/")
        _limit(seconds)
        drop_capabilities()
        keep_privileges_as_they_are()
        landlock.restrict((*_interpreter(), *_LIBRARIES, *_TOLD), _DEVICES, scratch)
        filter_calls(program(platform.machine()))
    except (OSError, ValueError) as error:
        raise WallError(f"the kernel refuses it ({error})") from error


def _interpreter() -> tuple[str, ...]:
    """Return where the standard library lies."""
    roots = {sys.base_prefix, sys.base_exec_prefix}
    return tuple(str(Path(one).resolve() / "lib") for one in sorted(roots))


def _limit(seconds: float) -> None:
    limits = {
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    for kind, most in limits.items():
        _, hardest = resource.getrlimit(kind)
        bound = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
        resource.setrlimit(kind, (bound, bound))
    with suppress(OSError):
        os.nice(10)
    with suppress(OSError):
        _write("/proc/self/oom_score_adj", "1000")


def _close_all_but(keep: Sequence[int]) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    least = 3
    for one in sorted(keep):
        os.closerange(least, one)
        least = one + 1
    os.closerange(least, os.sysconf("SC_OPEN_MAX"))


def _write(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="ascii")
