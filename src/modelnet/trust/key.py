"""The key of this node: made on first start, kept where only its owner can read it.

The private key is a PKCS#8 PEM file of mode 0600 in a directory of mode 0700. It appears under its
name complete or not at all, so two processes that start at once end up with the same key.
"""

import contextlib
import errno
import os
import secrets
import shlex
import stat
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from modelnet.core.error import KeyFileError, SignatureError, StorageError
from modelnet.core.identity import NodeId, short_node_id
from modelnet.trust import did

KEY_FILE: Final = Path("identity") / "node.pem"
"""Where the key lies in a node's data directory: in a directory of its own, so that the modes of
the data directory are the owner's affair."""

SIGNATURE_SIZE_BYTES: Final = 64

_LARGEST_KEY_FILE_BYTES: Final = 16_384
_OTHERS_MAY_READ: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class NodeKey:
    """An Ed25519 key pair. It shows its public half only."""

    __slots__ = ("_private", "node")

    node: Final[NodeId]

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.node = did.node_id(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> Self:
        """Return a fresh key that is kept nowhere."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Return the key of a 32-byte seed: for simulations and test vectors."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def private_key(self) -> Ed25519PrivateKey:
        """The private half, for libraries that sign by themselves."""
        return self._private

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of a message."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"NodeKey({self.node})"


def verify(node: NodeId, signature: bytes, message: bytes) -> None:
    """Check that a node signed a message.

    Raises:
        MalformedError: the node id is not one.
        SignatureError: it did not sign this.
    """
    try:
        public_key_of(node).verify(signature, message)
    except InvalidSignature:
        raise SignatureError(
            f"The signature is not that of node {short_node_id(node)} over this content:"
            " refuse it, and ask that node itself."
        ) from None


@lru_cache(maxsize=4096)
def public_key_of(node: NodeId) -> Ed25519PublicKey:
    """Return the public key that a node id names.

    Raises:
        MalformedError: it is not the did:key of an Ed25519 key.
    """
    return Ed25519PublicKey.from_public_bytes(did.public_key(node))


def open_key(data_dir: Path) -> NodeKey:
    """Return the key of the node that lives in `data_dir`, making one on first start.

    Raises:
        KeyFileError: the file is corrupt, or open to others.
        StorageError: the disk is full or the directory cannot be written.
    """
    path = data_dir / KEY_FILE
    try:
        return load(path)
    except FileNotFoundError:
        _create(path)
    return load(path)


def load(path: Path) -> NodeKey:
    """Read a key file.

    Raises:
        FileNotFoundError: there is none.
        KeyFileError: it is corrupt, or open to others.
    """
    try:
        pem = _read_private(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be read ({error.strerror}):"
            " make it a file that belongs to the user who runs the node."
        ) from error
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _corrupt(path) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _corrupt(path)
    return NodeKey(private)


def _read_private(path: Path) -> bytes:
    _refuse_if(path.parent, path.parent.stat().st_mode & _OTHERS_MAY_WRITE, "replace the key in")
    with path.open("rb") as file:
        # The open file is judged, not its name: it cannot be exchanged in between.
        _refuse_if(path, os.fstat(file.fileno()).st_mode & _OTHERS_MAY_READ, "use the key in")
        return file.read(_LARGEST_KEY_FILE_BYTES)


def _refuse_if(path: Path, open_bits: int, danger: str) -> None:
    if open_bits:
        mode = "700" if path.is_dir() else "600"
        raise KeyFileError(
            f"Other users of this machine can {danger} {path}:"
            f" run `chmod {mode} {shlex.quote(str(path))}`."
        )


def _corrupt(path: Path) -> KeyFileError:
    return KeyFileError(
        f"The key file {path} is corrupt: restore it from a backup,"
        " or move it away and start again as a new node."
    )


def _create(path: Path) -> None:
    """Write a fresh key under `path`, unless another process was faster."""
    try:
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _write_once(path, _pem(Ed25519PrivateKey.generate()))
    except OSError as error:
        advice = (
            "free some space"
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
            else "choose a directory that this user can write"
        )
        raise StorageError(
            f"The node's key cannot be stored in {path.parent} ({error.strerror}): {advice}."
        ) from error


def _pem(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_once(path: Path, content: bytes) -> None:
    """Make `content` appear under `path` whole and for its owner only; an existing file wins."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A hard link, unlike a rename, fails where a file already is.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
