"""Checks of the node that lives here for `modelnet doctor`: its files, its key, its models."""

import os
import re
import shlex
import shutil
from pathlib import Path

from modelnet.application.address import NodeAddress
from modelnet.application.cli.checkup.finding import Finding, fail, ok, warn
from modelnet.application.client import open_client
from modelnet.application.presence import PRESENCE_FILE, Presence, read_presence
from modelnet.core.error import (
    AddressError,
    AuthenticationError,
    KeyFileError,
    ModelnetError,
)

LEAST_FREE_BYTES = 100 * 1024 * 1024

_OTHERS_MAY_WRITE = 0o022


def check_data_dir(data_dir: Path) -> Finding:
    """Check that the data directory can be used, and by its owner alone."""
    quoted = shlex.quote(str(data_dir))
    if not data_dir.exists():
        return ok("data", f"{data_dir} will be made on first start")
    if not data_dir.is_dir() or not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        return fail("data", f"{data_dir} cannot be written", "modelnet up --data-dir DIR")
    if data_dir.stat().st_mode & _OTHERS_MAY_WRITE:
        return warn("data", f"others can write {data_dir}", f"chmod go-w {quoted}")
    free_bytes = shutil.disk_usage(data_dir).free
    if free_bytes < LEAST_FREE_BYTES:
        told = f"only {free_bytes // 1024**2} MiB are free at {data_dir}"
        return warn("data", told, "df -h " + quoted)
    return ok("data", str(data_dir))


def check_key(data_dir: Path) -> Finding:
    """Check that the node's key can be read, and by its owner alone."""
    from modelnet.trust.key import KEY_FILE, load

    path = data_dir / KEY_FILE
    quoted = shlex.quote(str(path))
    try:
        node = load(path).node
    except FileNotFoundError:
        return ok("key", "will be made on first start")
    except KeyFileError as error:
        named = re.search("`([^`]+)`", error.message)
        return fail("key", error.message, named[1] if named else f"mv {quoted} {quoted}.broken")
    return ok("key", node)


async def check_presence(data_dir: Path) -> tuple[Finding, Presence | None]:
    """Check whether a node runs here and answers; also return it if it does."""
    path = data_dir / PRESENCE_FILE
    remove = f"rm {shlex.quote(str(path))}"
    try:
        presence = read_presence(data_dir)
    except AddressError as error:
        return warn("node", error.message, remove), None
    if presence is None:
        return ok("node", "none runs here now"), None
    base_url = presence.url.removesuffix("/v1")
    try:
        async with open_client(NodeAddress(base_url, None, presence.pid)) as client:
            await client.nodes()
    except AuthenticationError:
        pass
    except ModelnetError as error:
        return warn("node", error.message, remove), None
    return ok("node", f"process {presence.pid} answers at {presence.url}"), presence
