"""Answering the nodes that fetch files from here."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import BinaryIO

import anyio

from modelnet.core.error import (
    InvalidRequestError,
    ModelFileError,
    OverloadedError,
    UnsupportedError,
)
from modelnet.resource.copy.call import (
    CopyCall,
    DeployCall,
    ManifestCall,
    PiecesCall,
    TicketCall,
    encode,
)
from modelnet.resource.copy.manifest import encode_manifest
from modelnet.resource.copy.offload import Offload
from modelnet.resource.copy.shelf import Held, Shelf
from modelnet.transport.bulk.sender import BulkSender
from modelnet.transport.network import Incoming

MAX_AT_ONCE = 8
"""Requests for pieces answered at once: files must not crowd out answers."""


class Giver:
    """Hands on what is on the shelf."""

    def __init__(self, shelf: Shelf, sender: BulkSender, offload: Offload) -> None:
        self._shelf = shelf
        self._sender = sender
        self._offload = offload
        self._places = anyio.Semaphore(MAX_AT_ONCE)

    async def handle(self, call: CopyCall, incoming: Incoming) -> AsyncGenerator[bytes, None]:  # noqa: ARG002  as a `Copier` has it
        """Answer one request: `Copier.handle`.

        Raises:
            UnknownModelError: there is no such file here, or it was changed.
            UnsupportedError: a ticket is wanted, and this node gives none; or a deploy.
            OverloadedError: too many fetch at the same time.
        """
        match call:
            case ManifestCall(digest):
                yield encode_manifest(self._shelf.get(digest).manifest)
            case TicketCall(digest):
                held = self._shelf.get(digest)
                yield encode(await self._sender.issue(partial(open_held, held)))
            case PiecesCall():
                async with aclosing(self._pieces(call)) as pieces:
                    async for piece in pieces:
                        yield piece
            case DeployCall():
                raise UnsupportedError("This node takes in no models; deploy to another one.")

    async def _pieces(self, call: PiecesCall) -> AsyncGenerator[bytes, None]:
        held = self._shelf.get(call.digest)
        self._enter(held, call.first + call.count)
        try:
            with await self._offload(open_held, held) as file:
                for index in range(call.first, call.first + call.count):
                    yield await self._offload(_read, file, held, index)
        finally:
            self._places.release()

    def _enter(self, held: Held, end: int) -> None:
        if end > held.manifest.count:
            raise InvalidRequestError(f"The file has {held.manifest.count} pieces, not {end}.")
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            raise OverloadedError(
                "Too many nodes fetch files here; ask again.", retry_after_s=0.5
            ) from None


def open_held(held: Held) -> BinaryIO:
    """Open a file that is handed on; blocks.

    Raises:
        UnknownModelError: it was changed.
        ModelFileError: it is gone.
    """
    try:
        file = held.path.open("rb")
    except OSError as error:
        # The path stays on this node.
        raise ModelFileError("The file is no longer here; ask another node.") from error
    try:
        held.check(file.fileno())
    except BaseException:
        file.close()
        raise
    return file


def _read(file: BinaryIO, held: Held, index: int) -> bytes:
    file.seek(held.manifest.offset(index))
    return file.read(held.manifest.size_of(index))
