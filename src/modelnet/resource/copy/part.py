"""A file on its way: pieces are written where they belong, each only if its hash is right.

Beside the file lies a mark for each piece that was written. After a crash the marked pieces are
read and hashed again: the hash decides, so a torn piece or a mark without its piece does no harm
and nothing has to be flushed while pieces come. Every method blocks; `put` may be called from
several threads at once.
"""

import errno
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from modelnet.core.error import MalformedError, StorageError
from modelnet.resource.copy.manifest import Manifest

_MARK = b"\1"


class Part:
    """The file that will be a copy, with the pieces that are there."""

    def __init__(self, path: Path, marks: Path, manifest: Manifest) -> None:
        """Open what is there, or begin anew; room for the whole file is taken at once.

        Raises:
            StorageError: the disk is full or cannot be written.
        """
        self.manifest = manifest
        self._path = path
        with storing(path), ExitStack() as opened:
            self._data = _open(path, opened)
            self._marks = _open(marks, opened)
            _take_room(self._data, manifest.size_bytes)
            self._opened = opened.pop_all()

    def here(self, first: int, count: int) -> list[int]:
        """Return which of some pieces are marked and whole; the others lose their mark."""
        found: list[int] = []
        for index, mark in enumerate(os.pread(self._marks, count, first), first):
            if not mark or index >= self.manifest.count:
                continue
            if self.manifest.is_piece(index, self._read(index)):
                found.append(index)
            else:
                os.pwrite(self._marks, b"\0", index)
        return found

    def put(self, index: int, data: bytes | bytearray | memoryview) -> None:
        """Write a piece and mark it.

        Raises:
            MalformedError: these bytes are not that piece.
            StorageError: the disk is full or cannot be written.
        """
        if not self.manifest.is_piece(index, data):
            raise MalformedError(f"Piece {index} of the file has the wrong bytes.")
        with storing(self._path):
            _write_all(self._data, data, self.manifest.offset(index))
            os.pwrite(self._marks, _MARK, index)

    def flush(self) -> None:
        """Have the disk take what was written so far: then little waits for the end.

        Raises:
            StorageError: the disk cannot be written.
        """
        with storing(self._path):
            os.fsync(self._data)

    def finish(self, target: Path) -> None:
        """Flush the file to disk and give it its name: from here on it is whole.

        Raises:
            StorageError: the disk cannot be written.
        """
        with storing(self._path):
            os.ftruncate(self._data, self.manifest.size_bytes)
            os.fsync(self._data)
            self._path.replace(target)
            sync_folder(target.parent)

    def close(self) -> None:
        """Let go of the files; what is there stays for the next attempt."""
        self._opened.close()

    def _read(self, index: int) -> bytes:
        return os.pread(self._data, self.manifest.size_of(index), self.manifest.offset(index))


@contextmanager
def storing(path: Path) -> Generator[None]:
    """Turn the failures of a disk into our error.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "is on a full disk" if full else f"cannot be written ({error.strerror})"
        raise StorageError(
            f"The folder {path.parent} {what}; free some space or choose another --data-dir."
        ) from error


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path, opened: ExitStack) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    opened.callback(os.close, descriptor)
    return descriptor


def _take_room(descriptor: int, size_bytes: int) -> None:
    """Take the whole room at once where that can be done: a full disk is found early."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size_bytes)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
        else:
            return
    os.ftruncate(descriptor, size_bytes)


def _write_all(descriptor: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, offset)
        left, offset = left[written:], offset + written
