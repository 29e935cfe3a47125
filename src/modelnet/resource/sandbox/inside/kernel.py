"""Calls of the kernel that Python has no names for."""

import ctypes
import os
from functools import cache

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION = 0x20080522
_SIGKILL = 9


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class WallError(Exception):
    """A wall could not be raised: nothing may be run."""


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def syscall(number: int, *arguments: object) -> int:
    """Call the kernel by number; integers go as 64 bits.

    Raises:
        OSError: it refused.
    """
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return _checked(_libc().syscall(ctypes.c_long(number), *wide))


def die_with_parent() -> None:
    """Be killed when the parent ends, whatever way it ends.

    Raises:
        OSError: the kernel refused.
    """
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def keep_privileges_as_they_are() -> None:
    """Never gain any, by whatever is executed; seccomp and Landlock ask for it.

    Raises:
        OSError: the kernel refused.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Have no more rights than any other user, root's own files aside.

    Raises:
        OSError: the kernel refused.
    """
    header = _CapabilityHeader(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked(_libc().capset(ctypes.byref(header), ctypes.byref(nothing)))


def filter_calls(program: bytes) -> None:
    """Have the kernel ask a program of its filter machine (8 bytes a step) at every call.

    Raises:
        OSError: the kernel refused.
    """
    told = _FilterProgram(len(program) // 8, program)
    address = ctypes.addressof(told)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, address)


def unshare(flags: int) -> None:
    """Leave namespaces for new ones.

    Raises:
        OSError: the kernel refused.
    """
    _checked(_libc().unshare(ctypes.c_int(flags)))


def mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    """Mount a file system.

    Raises:
        OSError: the kernel refused.
    """
    texts = [text.encode() for text in (source, target, kind)]
    _checked(_libc().mount(*texts, ctypes.c_ulong(flags), options.encode()))


def _prctl(option: int, *arguments: int) -> None:
    filled = [*arguments, 0, 0, 0, 0][:4]
    _checked(_libc().prctl(ctypes.c_int(option), *map(ctypes.c_ulong, filled)))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
