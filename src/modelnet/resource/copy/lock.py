"""Locks between processes on files; they go with the process that holds them, however it ends."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

Manner: TypeAlias = Literal["alone", "shared"]


class Lock:
    """A lock that is held until it is released."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let others have it; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def try_lock(path: Path, manner: Manner) -> Lock | None:
    """Lock a file that may not exist yet; nothing when somebody holds it otherwise.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if sys.platform == "win32":
        return Lock(descriptor)
    import fcntl

    kind = fcntl.LOCK_EX if manner == "alone" else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Lock(descriptor)


@contextmanager
def locked(path: Path, manner: Manner) -> Generator[bool]:
    """Say whether the lock was had; it is held until the context ends."""
    lock = try_lock(path, manner)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release()
