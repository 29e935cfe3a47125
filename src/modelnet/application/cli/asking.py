"""How commands ask a running node: find it, ask, and say so when that takes a while."""

import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import anyio

from modelnet.application.address import NodeAddress, locate
from modelnet.application.cli.loop import run
from modelnet.application.cli.output import console
from modelnet.application.client import NodeClient, open_client
from modelnet.application.settings import load_settings

T = TypeVar("T")

_PATIENCE_S = 1.0


def find_node(url: str | None, data_dir: Path | None) -> NodeAddress:
    """Return where the node to ask is.

    Raises:
        AddressError: no node runs here, or the URL is not one.
    """
    settings = load_settings({"data_dir": data_dir})
    return locate(url, settings.data_dir, os.environ)


def with_client(
    url: str | None, data_dir: Path | None, ask: Callable[[NodeClient], Awaitable[T]]
) -> T:
    """Ask a node one thing and return what it answered."""
    address = find_node(url, data_dir)

    async def main() -> T:
        async with open_client(address) as client, patience(f"Asking {address.base_url}"):
            return await ask(client)

    return run(main)


@asynccontextmanager
async def patience(doing: str) -> AsyncGenerator[None]:
    """Show what is being waited for when it takes more than a second, and only on a terminal."""
    async with anyio.create_task_group() as group:
        if sys.stderr.isatty():
            group.start_soon(_show_when_late, doing)
        yield
        group.cancel_scope.cancel()


async def _show_when_late(doing: str) -> None:
    await anyio.sleep(_PATIENCE_S)
    with console(stderr=True).status(doing):
        await anyio.sleep_forever()
