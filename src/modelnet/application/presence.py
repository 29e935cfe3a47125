"""How the programs of one owner find the node that runs here: `node.json` in the data directory."""

import contextlib
import os
import secrets
import sys
from collections.abc import Generator
from pathlib import Path

import msgspec

from modelnet.core.error import AddressError, SettingsError, StorageError
from modelnet.core.identity import NodeId

PRESENCE_FILE = "node.json"
LOCK_FILE = "node.lock"

_LARGEST_FILE_BYTES = 16_384


class Presence(msgspec.Struct, frozen=True):
    """A node that runs on this machine."""

    url: str
    """Its OpenAI-compatible URL."""
    pid: int
    node: NodeId


@contextlib.contextmanager
def occupied(data_dir: Path) -> Generator[None]:
    """Keep every other node out of a data directory, for one key is one node.

    The lock goes with the process that holds it, however it ends.

    Raises:
        SettingsError: a node runs with this data directory.
        StorageError: the directory cannot be written.
    """
    try:
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _cannot_write(data_dir, error) from error
    try:
        if not _lock(descriptor):
            raise _already_running(data_dir)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def announced(data_dir: Path, presence: Presence) -> Generator[None]:
    """Tell the other programs of this machine's owner where the node is, until the context ends.

    Raises:
        StorageError: the disk is full or the directory cannot be written.
    """
    path = data_dir / PRESENCE_FILE
    draft = path.with_name(f".{PRESENCE_FILE}.{secrets.token_hex(8)}")
    try:
        _write_private(draft, msgspec.json.encode(presence) + b"\n")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _cannot_write(data_dir, error) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_presence(data_dir: Path) -> Presence | None:
    """Return the node that said it runs with this data directory; it may have died since.

    Raises:
        AddressError: the file is there and cannot be understood.
    """
    path = data_dir / PRESENCE_FILE
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_LARGEST_FILE_BYTES), type=Presence)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise AddressError(
            f"{path} cannot be read ({error}): remove it, or give the node's address with --url."
        ) from error


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _already_running(data_dir: Path) -> SettingsError:
    try:
        known = read_presence(data_dir)
    except AddressError:
        known = None
    where = f" at {known.url} (process {known.pid})" if known else ""
    return SettingsError(
        f"A node already runs here{where} with the data directory {data_dir}: ask that one, or "
        "give this one another --data-dir."
    )


def _cannot_write(data_dir: Path, error: OSError) -> StorageError:
    return StorageError(
        f"The data directory {data_dir} cannot be written ({error.strerror}): free some space or "
        "choose another with --data-dir."
    )
