"""What this node can hand on: the files of the models it serves, and its copies.

Hashing gigabytes takes seconds: it is done once a file, and remembered by path, size and time of
change in the data directory. Every method but `get` blocks on the disk.
"""

import os
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from modelnet.core.error import MalformedError, ModelFileError, UnknownModelError
from modelnet.resource.copy.manifest import (
    Manifest,
    digest_of,
    encode_manifest,
    hashing,
    read_manifest,
)

_INDEX = "hashed.json"
_LARGEST_INDEX = 4096
"""Files remembered; beyond it the index begins anew."""


class Fingerprint(NamedTuple):
    """What changes when a file does."""

    size_bytes: int
    changed_ns: int


class Held(msgspec.Struct, frozen=True):
    """A file that may be handed on, as it was when it was hashed."""

    path: Path
    manifest: Manifest
    fingerprint: Fingerprint

    @property
    def digest(self) -> str:
        """What names the file."""
        return digest_of(encode_manifest(self.manifest))

    def check(self, descriptor: int) -> None:
        """Return if the open file is still the one that was hashed.

        Raises:
            UnknownModelError: it was changed.
        """
        if _fingerprint(os.fstat(descriptor)) != self.fingerprint:
            raise UnknownModelError("The file was changed since it was offered; ask another node.")


class Shelf:
    """Files by their digest."""

    def __init__(self, folder: Path) -> None:
        """Keep what is remembered of hashed files in a folder, made when needed."""
        self._folder = folder
        self._held: dict[str, Held] = {}

    def get(self, digest: str) -> Held:
        """Return a file that may be handed on.

        Raises:
            UnknownModelError: there is none of that digest here.
        """
        held = self._held.get(digest)
        if held is None:
            raise UnknownModelError("This node hands on no such file; ask another node.")
        return held

    def put(self, held: Held) -> None:
        """Hand a file on from now on."""
        self._held[held.digest] = held

    def remove(self, digest: str) -> None:
        """Hand a file on no longer."""
        self._held.pop(digest, None)

    def known(self, path: Path) -> Held | None:
        """Return a file that was hashed before and has not changed since."""
        with suppress(OSError, KeyError, MalformedError, msgspec.DecodeError):
            fingerprint = _fingerprint(path.stat())
            for held in tuple(self._held.values()):
                if held.path == path and held.fingerprint == fingerprint:
                    return held
            digest = self._read_index()[_key(path, fingerprint)]
            encoded = (self._folder / digest).read_bytes()
            return Held(path, read_manifest(encoded, digest), fingerprint)
        return None

    def hashing(self, path: Path) -> Generator[Held | None, None, None]:
        """Yield a file, hashed now unless it was before; nothing now and then while that goes on.

        Raises:
            ModelFileError: it cannot be read, or changed while it was.
        """
        held = self.known(path)
        if held is None:
            try:
                before = _fingerprint(path.stat())
                for manifest in hashing(path):
                    yield None
                    held = manifest and Held(path, manifest, before)
                after = _fingerprint(path.stat())
            except OSError as error:
                raise ModelFileError(
                    f"{path} cannot be read ({error.strerror}); check it."
                ) from error
            if held is None or before != after or held.manifest.size_bytes != after.size_bytes:
                raise ModelFileError(f"{path} changed while it was read; let it be whole first.")
            self._remember(held)
        yield held

    def hash(self, path: Path) -> Held:
        """Return a file, hashed now unless it was before: `hashing` in one go."""
        return next(held for held in self.hashing(path) if held is not None)

    def _remember(self, held: Held) -> None:
        # Only saves time: without it the file is hashed again.
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self._folder / held.digest, encode_manifest(held.manifest))
            index = self._read_index()
            if len(index) >= _LARGEST_INDEX:
                index.clear()
            index[_key(held.path, held.fingerprint)] = held.digest
            _replace(self._folder / _INDEX, msgspec.json.encode(index))

    def _read_index(self) -> dict[str, str]:
        with suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode((self._folder / _INDEX).read_bytes(), type=dict[str, str])
        return {}


def held_as(path: Path, manifest: Manifest) -> Held:
    """Return a file whose manifest is known.

    Raises:
        OSError: it is gone.
    """
    return Held(path, manifest, _fingerprint(path.stat()))


def _fingerprint(status: os.stat_result) -> Fingerprint:
    return Fingerprint(status.st_size, status.st_mtime_ns)


def _key(path: Path, fingerprint: Fingerprint) -> str:
    return f"{fingerprint.size_bytes}:{fingerprint.changed_ns}:{path.absolute()}"


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
