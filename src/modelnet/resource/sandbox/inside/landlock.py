"""Files: Landlock, by which a process gives up every path but a few (Linux 6.2 and later).

The numbers are those of `linux/landlock.h`.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from modelnet.resource.sandbox.inside.kernel import syscall

OLDEST = 3
"""The first version that can keep files from being cut short."""

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_BENEATH = 1

_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE = 1 << 14
_FILES = (1 << 15) - 1
"""Every right over files and directories of version 3."""
_DEVICES = 1 << 15
"""Commands to devices, from version 5."""
_PORTS = 0b11
"""To bind and to connect by TCP, from version 4."""
_OTHERS = 0b11
"""Abstract sockets and signals of other domains, from version 6."""
_SCRATCH = _FILES & ~(_EXECUTE | 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11)
"""No devices, sockets or pipes are made there."""


def version() -> int:
    """Return the version of Landlock here, 0 where there is none."""
    try:
        return syscall(_CREATE, None, 0, _VERSION)
    except OSError:
        return 0


def restrict(readable: Iterable[str], devices: Iterable[str], scratch: str | None) -> None:
    """Give up all files but these: to read, devices to read and write, a directory to work in.

    Raises:
        OSError: the kernel refused.
    """
    ruleset = _ruleset(version())
    try:
        for path in readable:
            _allow(ruleset, path, _READ | _LIST)
        for path in devices:
            _allow(ruleset, path, _READ | _WRITE | _TRUNCATE)
        if scratch is not None:
            _allow(ruleset, scratch, _SCRATCH)
        syscall(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _ruleset(known: int) -> int:
    handled = _FILES | (_DEVICES if known >= 5 else 0)
    ports, others = _PORTS if known >= 4 else 0, _OTHERS if known >= 6 else 0
    told = struct.pack("=QQQ", handled, ports, others)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    return syscall(_CREATE, ctypes.create_string_buffer(told, 24), size, 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not Path(path).is_dir():
            rights &= _EXECUTE | _WRITE | _READ | _TRUNCATE
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place), 12)
        syscall(_ADD, ruleset, _BENEATH, rule, 0)
    finally:
        os.close(place)
