"""The copies of other nodes' files on this machine: bounded in bytes, least recently used first.

A folder a file, named by its digest, readable by its owner only:

    DIGEST/manifest     as it came
    DIGEST/card         the card of the model as its node announced it, JSON
    DIGEST/part, marks  while pieces are missing
    DIGEST/model        once whole
    DIGEST/used         touched at each use
    DIGEST/lock         held alone while fetching or removing, shared while serving

Several processes may share the folder. Every method blocks.
"""

import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.error import MalformedError, ModelnetError, OverloadedError, StorageError
from modelnet.resource.copy.lock import Lock, locked, try_lock
from modelnet.resource.copy.manifest import Manifest, encode_manifest, read_manifest
from modelnet.resource.copy.part import Part, storing, sync_folder

DIGEST_LENGTH = 64

_PATIENCE_S = 5.0
_PAUSE_S = 0.05
_BLOCK_BYTES = 512
"""The unit of `st_blocks`, whatever the file system."""


class Copy(msgspec.Struct, frozen=True):
    """A whole file in the store."""

    digest: str
    path: Path
    manifest: Manifest
    card: ModelCard
    """As the node it came from announced it."""


class Arriving:
    """A file being fetched: nobody else touches its folder until it is closed."""

    def __init__(self, folder: Path, part: Part, lock: Lock) -> None:
        self.part = part
        self._folder = folder
        self._lock = lock

    def finish(self) -> None:
        """Make the copy whole.

        Raises:
            StorageError: the disk cannot be written.
        """
        self.part.finish(self._folder / "model")
        (self._folder / "marks").unlink(missing_ok=True)

    def close(self) -> None:
        """Let go; what is there stays for the next attempt."""
        self.part.close()
        self._lock.release()


class Store:
    """The copies in one folder."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def copies(self) -> list[Copy]:
        """Return the copies that are whole."""
        found = (self.find(folder.name) for folder in self._folders())
        return [copy for copy in found if copy is not None]

    def find(self, digest: str) -> Copy | None:
        """Return a copy if it is here and whole."""
        folder = self._folder / digest
        path = folder / "model"
        try:
            manifest = read_manifest((folder / "manifest").read_bytes(), digest)
            card = msgspec.json.decode((folder / "card").read_bytes(), type=ModelCard)
            if path.stat().st_size != manifest.size_bytes:
                return None
        except (OSError, MalformedError, msgspec.DecodeError):
            return None
        return Copy(digest, path, manifest, card)

    def begin(
        self, digest: str, manifest: Manifest, card: ModelCard, *, may_remove: bool = True
    ) -> Arriving:
        """Make room for a file and open it; pieces that came earlier are still there.

        Other copies go for it only if they may.

        Raises:
            StorageError: it does not fit, or the disk is full or cannot be written.
            OverloadedError: another process is at it.
        """
        folder = self._folder / digest
        with self._alone():
            lock = self._take(folder)
            try:
                self._make_room(manifest.size_bytes, keep=digest, may_remove=may_remove)
                with storing(folder):
                    _write(folder / "manifest", encode_manifest(manifest))
                    _write(folder / "card", msgspec.json.encode(card))
                    (folder / "used").touch(mode=0o600)
                part = Part(folder / "part", folder / "marks", manifest)
            except ModelnetError:
                lock.release()
                raise
        return Arriving(folder, part, lock)

    def hold(self, digest: str) -> Lock | None:
        """Keep a copy from being removed until the lock is released; nothing if it is gone."""
        folder = self._folder / digest
        if not folder.is_dir():
            return None
        with storing(folder):
            (folder / "used").touch(mode=0o600)
            lock = try_lock(folder / "lock", "shared")
        if lock is not None and self.find(digest) is None:
            lock.release()
            return None
        return lock

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Let no other process make room at the same time."""
        with storing(self._folder / "lock"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            give_up_at = time.monotonic() + _PATIENCE_S
            while (lock := try_lock(self._folder / "lock", "alone")) is None:
                if time.monotonic() > give_up_at:
                    raise StorageError(
                        f"Another process holds {self._folder}; end it, or use another --data-dir."
                    )
                time.sleep(_PAUSE_S)
        try:
            yield
        finally:
            lock.release()

    def _take(self, folder: Path) -> Lock:
        with storing(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            lock = try_lock(folder / "lock", "alone")
        if lock is None:
            raise OverloadedError(
                "Another process of this machine fetches or serves that file; try again later.",
                retry_after_s=_PATIENCE_S,
            )
        return lock

    def _make_room(self, size_bytes: int, *, keep: str, may_remove: bool) -> None:
        """Remove what was not used for longest until so many bytes fit; nothing if they cannot."""
        had_bytes = _size(self._folder / keep)
        others = [folder for folder in self._folders() if folder.name != keep]
        used_bytes = sum(map(_size, others))
        over_limit = used_bytes + size_bytes - self._limit_bytes
        over_disk = size_bytes - had_bytes - _free_bytes(self._folder)
        needed_bytes = max(over_limit, over_disk)
        chosen: list[Path] = []
        for folder in sorted(filter(_is_idle, others), key=_last_use) if may_remove else ():
            if needed_bytes <= 0:
                break
            chosen.append(folder)
            needed_bytes -= _size(folder)
        if needed_bytes > 0:
            raise StorageError(
                f"There is no room for {size_bytes} more bytes of copies in {self._folder}: free "
                f"some space, or allow more than {self._limit_bytes} with `copies_gb`."
            )
        for folder in chosen:
            _remove(folder)

    def _folders(self) -> list[Path]:
        with suppress(FileNotFoundError):
            return [one for one in self._folder.iterdir() if len(one.name) == DIGEST_LENGTH]
        return []


def _remove(folder: Path) -> None:
    """Remove a folder, unless somebody has begun to use it."""
    with suppress(OSError), locked(folder / "lock", "alone") as is_mine:
        if is_mine:
            shutil.rmtree(folder)


def _is_idle(folder: Path) -> bool:
    with suppress(OSError), locked(folder / "lock", "alone") as is_mine:
        return is_mine
    return False


def _size(folder: Path) -> int:
    """Return what the files of a copy take on the disk; one that goes meanwhile takes nothing."""
    total = 0
    for name in ("part", "model"):
        with suppress(OSError):
            total += (folder / name).stat().st_blocks * _BLOCK_BYTES
    return total


def _last_use(folder: Path) -> float:
    with suppress(OSError):
        return (folder / "used").stat().st_mtime
    return 0.0


def _free_bytes(folder: Path) -> int:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return shutil.disk_usage(there).free


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)
