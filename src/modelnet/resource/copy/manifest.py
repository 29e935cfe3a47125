"""What a file is, by content: its size and a SHA-256 for each piece. Its own digest names the file.

Whoever has the digest can check the manifest, and with the manifest every piece as it arrives:
nobody who sends one has to be believed.
"""

import hashlib
from collections.abc import Generator
from pathlib import Path
from typing import Annotated

import msgspec

from modelnet.core.error import MalformedError, ModelFileError

PIECE_BYTES = 1 << 20
"""The size of a piece; the last one of a file may be smaller."""

MAX_PIECE_BYTES = 16 << 20
MAX_PIECES = 1 << 20
"""Of one file: with pieces of 1 MiB, a file of 1 TiB. Its manifest still fits one message."""

PIECES_AT_ONCE = 64
"""After so many pieces hashed in a row others have a say."""

HASH_BYTES = 32
VERSION = 1


class Manifest(msgspec.Struct, frozen=True, array_like=True):
    """Size and pieces of a file. As msgpack it is `[1, size, piece size, hashes]`."""

    version: Annotated[int, msgspec.Meta(ge=VERSION, le=VERSION)]
    size_bytes: Annotated[int, msgspec.Meta(ge=1)]
    piece_bytes: Annotated[int, msgspec.Meta(ge=1, le=MAX_PIECE_BYTES)]
    hashes: bytes
    """The SHA-256 of each piece, 32 bytes each, in order."""

    @property
    def count(self) -> int:
        """How many pieces the file has."""
        return -(-self.size_bytes // self.piece_bytes)

    def offset(self, index: int) -> int:
        """Return where in the file a piece begins, in bytes."""
        return index * self.piece_bytes

    def size_of(self, index: int) -> int:
        """Return how many bytes a piece has."""
        return min(self.piece_bytes, self.size_bytes - self.offset(index))

    def span_bytes(self, first: int, count: int) -> int:
        """Return how many bytes so many pieces in a row have."""
        return min(self.offset(first + count), self.size_bytes) - self.offset(first)

    def is_piece(self, index: int, data: bytes | bytearray | memoryview) -> bool:
        """Whether these bytes are that piece."""
        at = index * HASH_BYTES
        wanted = self.hashes[at : at + HASH_BYTES]
        return len(data) == self.size_of(index) and hashlib.sha256(data).digest() == wanted


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the bytes whose SHA-256 names the file."""
    return _encoder.encode(manifest)


def digest_of(encoded: bytes) -> str:
    """Return the name of the file that a manifest describes."""
    return hashlib.sha256(encoded).hexdigest()


def read_manifest(encoded: bytes, digest: str) -> Manifest:
    """Read the manifest of the file of that name.

    Raises:
        MalformedError: it is another file's, or none.
    """
    if digest_of(encoded) != digest:
        raise MalformedError("The node sent the manifest of another file: ask another node.")
    try:
        manifest = _decoder.decode(encoded)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedError(f"The manifest does not decode: {error}.") from error
    if manifest.count > MAX_PIECES or len(manifest.hashes) != manifest.count * HASH_BYTES:
        raise MalformedError("The manifest does not have one hash for each piece.")
    return manifest


def hashing(path: Path, piece_bytes: int = PIECE_BYTES) -> Generator[Manifest | None, None, None]:
    """Hash a file and yield its manifest; blocks, and yields nothing after every 64 pieces.

    So whoever runs it in threads can stop in between: a large file takes minutes.

    Raises:
        ModelFileError: it cannot be read, or is empty.
    """
    hashes = bytearray()
    size_bytes = 0
    buffer = memoryview(bytearray(piece_bytes))
    try:
        # Buffered: only then is a short read the end of the file.
        with path.open("rb") as file:
            while read_bytes := file.readinto(buffer):
                hashes += hashlib.sha256(buffer[:read_bytes]).digest()
                size_bytes += read_bytes
                if not len(hashes) % (PIECES_AT_ONCE * HASH_BYTES):
                    yield None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read ({error.strerror}); check it.") from error
    if not size_bytes:
        raise ModelFileError(f"{path} is empty; download it again.")
    yield Manifest(VERSION, size_bytes, piece_bytes, bytes(hashes))


def manifest_of(path: Path, piece_bytes: int = PIECE_BYTES) -> Manifest:
    """Return the manifest of a file; reads all of it and blocks.

    Raises:
        ModelFileError: it cannot be read, or is empty.
    """
    return next(found for found in hashing(path, piece_bytes) if found is not None)
