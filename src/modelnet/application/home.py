"""Who a node is, and whether the data directory it was given is its own."""

from contextlib import AsyncExitStack
from pathlib import Path

from modelnet.application.presence import occupied
from modelnet.application.settings import make_data_dir
from modelnet.core.error import KeyFileError, SettingsError
from modelnet.trust.key import KEY_FILE, NodeKey, load, open_key


def settle(stack: AsyncExitStack, data_dir: Path, given: NodeKey | None) -> tuple[NodeKey, bool]:
    """Return the node's key, and whether the data directory is this node's alone.

    Where another process lives there already, the node is a guest, with a key for this one life.

    Raises:
        KeyFileError: the key file is corrupt or readable by others.
        StorageError: the directory cannot be used.
    """
    if given is not None:
        return given, _is_home_of(given, data_dir)
    make_data_dir(data_dir)
    try:
        stack.enter_context(occupied(data_dir))
    except SettingsError:
        return NodeKey.generate(), False
    return open_key(data_dir), True


def _is_home_of(key: NodeKey, data_dir: Path) -> bool:
    """Whether a directory belongs to the node of that key, which then is the only one in it."""
    try:
        return load(data_dir / KEY_FILE).node == key.node
    except (OSError, KeyFileError):
        return False
