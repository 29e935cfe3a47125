"""Models that move: fetches those this node lacks, hands on its own, takes in what it may."""

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Protocol

import anyio
import msgspec
from anyio.abc import TaskGroup, TaskStatus

from modelnet.core.card import Artifact, ModelCard
from modelnet.core.error import (
    MalformedError,
    ModelFileError,
    ModelnetError,
    OverloadedError,
    StorageError,
    UnknownModelError,
    UnsupportedError,
)
from modelnet.core.identity import NodeId, short_node_id
from modelnet.interaction.transfer import Pulled, Transfer
from modelnet.interaction.wanted import Wanted, node_named, offer_named
from modelnet.resource.copy.call import CopyCall, DeployCall, Progress, decode_progress, encode
from modelnet.resource.copy.fetch import Fetch, Surroundings, fetch_manifest
from modelnet.resource.copy.file import FileModel, artifact_of
from modelnet.resource.copy.giving import Giver
from modelnet.resource.copy.lock import Lock
from modelnet.resource.copy.manifest import Manifest
from modelnet.resource.copy.permission import check_copy
from modelnet.resource.copy.shelf import Held, Shelf, held_as
from modelnet.resource.copy.store import Copy, Store
from modelnet.resource.host import Host
from modelnet.resource.machine import free_memory_bytes
from modelnet.resource.model import Model
from modelnet.resource.watcher import Watcher
from modelnet.transport.network import Incoming

DEPLOY_S = 6 * 3600.0
"""How long a deploy to another node may take."""

MEMORY_SHARE = 1.2
"""A model that is served takes so many times its file in memory, at least."""

_log = logging.getLogger(__name__)


class Home(Protocol):
    """The node that models move to."""

    async def serve_copy(self, copy: Copy) -> ModelCard:
        """Serve a copy and offer it to the network."""
        ...

    async def announce(self) -> None:
        """Tell the network what this node has now."""
        ...


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner of this node allows."""

    accepts: frozenset[str] = frozenset()
    """Ids of the nodes that may deploy models to this one."""
    takes_over: bool = False
    """Whether to serve models that nobody serves any more."""


class Mover:
    """Brings models here and hands them on."""

    def __init__(
        self,
        around: Surroundings,
        watcher: Watcher,
        host: Host,
        store: Store,
        shelf: Shelf,
        giver: Giver,
        rules: Rules,
    ) -> None:
        self.rules = rules
        self._around = around
        self._watcher = watcher
        self._host = host
        self._store = store
        self._shelf = shelf
        self._giver = giver
        self._home: Home | None = None
        self._tasks: TaskGroup | None = None
        self._transfers: dict[tuple[str, bool], Transfer] = {}
        self._one_at_a_time: dict[str, anyio.Lock] = {}
        self._copies: dict[str, ModelCard] = {}
        self._held: dict[str, Lock] = {}

    @property
    def copies(self) -> dict[str, ModelCard]:
        """The copies this node hands on, by digest, with the cards they came with."""
        return dict(self._copies)

    async def run(self, home: Home, *, task_status: TaskStatus[None]) -> None:
        """Move models until cancelled; started once the copies of earlier lives are known."""
        self._home = home
        for copy in await self._around.offload(self._store.copies):
            await self._shelve(copy)
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                task_status.started()
                await anyio.sleep_forever()
        finally:
            for lock in self._held.values():
                lock.release()

    async def describe(self, models: Iterable[Model], *, is_quick: bool) -> bool:
        """Say on the cards of models which files they are made of; whether anything is new.

        Quick is what takes no time: files that were hashed before.
        """
        is_new = False
        for model in models:
            if isinstance(model, FileModel):
                is_new |= await self._describe(model, model.card, is_quick=is_quick)
        return is_new

    async def pull(
        self, model: str, *, of: str | None = None, is_to_be_served: bool = True
    ) -> AsyncGenerator[Progress | Pulled, None]:
        """Bring a model here; yields how far it is, at last what came. Two who want it share it.

        Raises:
            UnknownModelError: nobody here offers it.
            UnsupportedError: it is no file, or must not be copied.
            PeerLostError: nobody is left who has it; what came is kept.
            StorageError: there is no room for it.
        """
        node = None if of is None else node_named(self._watcher.directory, of).node
        wanted = self._wanted(model, node, is_to_be_served=is_to_be_served)
        async with aclosing(self.bring(wanted)) as steps:
            async for step in steps:
                yield step

    async def bring(self, wanted: Wanted) -> AsyncGenerator[Progress | Pulled, None]:
        """Bring a model here that was looked up: `pull`."""
        check_copy(wanted.card, wanted.cause)
        transfer = self._transfers.get(wanted.key)
        if transfer is None or transfer.is_over:
            transfer = self._start(wanted)
        async with aclosing(transfer.follow()) as steps:
            async for step in steps:
                yield step

    async def deploy(self, model: str, to: str) -> AsyncGenerator[Progress | Pulled, None]:
        """Have another node fetch and serve a model.

        Raises:
            UnknownModelError: there is no such model or node.
            UnsupportedError: the model must not be copied, or the node does not take it.
        """
        directory = self._watcher.directory
        node = node_named(directory, to)
        card = offer_named(directory, model).card
        artifact = check_copy(card, "deploy")
        call = DeployCall(card.name, artifact.digest)
        deadline = self._around.clock() + DEPLOY_S
        asked = self._around.network.ask(node.node, encode(call), deadline=deadline)
        async with aclosing(asked) as pieces:
            async for piece in pieces:
                yield decode_progress(piece)
        yield _pulled(card, artifact, is_served=True)

    async def handle(self, call: CopyCall, incoming: Incoming) -> AsyncGenerator[bytes, None]:
        """Answer what other nodes ask about files: `Copier.handle`."""
        if not isinstance(call, DeployCall):
            async with aclosing(self._giver.handle(call, incoming)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        wanted = self._deployed(call, incoming.sender)
        async with aclosing(self.bring(wanted)) as steps:
            async for step in steps:
                if isinstance(step, Progress):
                    yield encode(step)

    def forget(self, name: str) -> None:
        """Hand on the file of a model no longer that this node is about to stop serving."""
        for card in self._host.cards:
            artifact = card.artifact
            if card.name == name and artifact and artifact.digest not in self._copies:
                self._shelf.remove(artifact.digest)

    def _deployed(self, call: DeployCall, sender: NodeId) -> Wanted:
        if sender not in self.rules.accepts:
            raise UnsupportedError(
                f"This node takes no models from node {short_node_id(sender)}; its owner can "
                "allow it: `accept_models`."
            )
        for offer in self._watcher.directory.offers:
            artifact = offer.card.artifact
            if artifact and artifact.digest == call.digest and offer.card.name == call.model:
                return Wanted(card=offer.card, cause="deploy")
        raise UnknownModelError(f"No node that this one sees serves {call.model}.")

    def _wanted(self, model: str, of: NodeId | None, *, is_to_be_served: bool) -> Wanted:
        directory = self._watcher.directory
        try:
            card = offer_named(directory, model, of).card
        except ModelnetError:
            kept = (card for card in self._copies.values() if card.name == model)
            if (card := next(kept, None)) is None:
                raise
        return Wanted(card=card, cause="pull", only=of, is_to_be_served=is_to_be_served)

    def _start(self, wanted: Wanted) -> Transfer:
        if self._tasks is None:
            raise OverloadedError("This node is starting; ask again.", retry_after_s=0.5)
        transfer = self._transfers[wanted.key] = Transfer()
        self._tasks.start_soon(self._carry_out, wanted, transfer)
        return transfer

    async def _carry_out(self, wanted: Wanted, transfer: Transfer) -> None:
        try:
            with transfer.scope:
                transfer.end(await self._bring(wanted, transfer))
        except ModelnetError as error:
            transfer.end(error)
        finally:
            if self._transfers.get(wanted.key) is transfer:
                del self._transfers[wanted.key]

    async def _bring(self, wanted: Wanted, transfer: Transfer) -> Pulled:
        artifact = check_copy(wanted.card, wanted.cause)
        async with self._one_at_a_time.setdefault(artifact.digest, anyio.Lock()):
            if (card := self._served(artifact.digest)) is not None:
                return _pulled(card, artifact, is_served=True)
            copy = await self._around.offload(self._store.find, artifact.digest)
            if copy is None:
                copy = await self._fetch(wanted, artifact, transfer)
            await self._shelve(copy)
            if not wanted.is_to_be_served:
                await self._at_home.announce()
                return _pulled(wanted.card, artifact, is_served=False)
            return _pulled(await self._serve(copy), artifact, is_served=True)

    async def _fetch(self, wanted: Wanted, artifact: Artifact, transfer: Transfer) -> Copy:
        around, digest = self._around, artifact.digest
        manifest = await fetch_manifest(around, digest, wanted.only)
        if manifest.size_bytes != artifact.size_bytes:
            raise MalformedError(
                f"The card of {wanted.card.name} tells another size than its file."
            )
        # What nobody here asked for drives nothing out.
        begin = partial(self._store.begin, may_remove=wanted.cause != "takeover")
        arriving = await around.offload(begin, digest, manifest, wanted.card)
        try:
            await Fetch(around, digest, arriving.part, transfer.tell, wanted.only).run()
            await around.offload(arriving.finish)
        finally:
            arriving.close()
        return await self._found(digest)

    async def _found(self, digest: str) -> Copy:
        copy = await self._around.offload(self._store.find, digest)
        if copy is None:
            raise StorageError("The copy is gone from the data directory; ask for it again.")
        return copy

    async def _shelve(self, copy: Copy) -> None:
        """Hand a copy on from now on."""
        try:
            held = await self._around.offload(held_as, copy.path, copy.manifest)
        except OSError:
            return
        self._shelf.put(held)
        self._copies[copy.digest] = copy.card

    async def _serve(self, copy: Copy) -> ModelCard:
        """Serve a copy; it is not removed as long as it is served."""
        _check_memory(copy.manifest)
        if copy.digest not in self._held:
            lock = await self._around.offload(self._store.hold, copy.digest)
            if lock is None:
                raise StorageError("The copy is gone from the data directory; ask for it again.")
            self._held[copy.digest] = lock
        try:
            return await self._at_home.serve_copy(copy)
        except ModelnetError:
            self._held.pop(copy.digest).release()
            raise

    async def _describe(self, model: FileModel, card: ModelCard, *, is_quick: bool) -> bool:
        held = await self._look(model.file.path, is_quick=is_quick)
        if held is None:
            return False
        artifact = artifact_of(model.file, held, card.licence)
        is_new = all(known.artifact != artifact for known in self._host.cards)
        self._host.describe(card.name, artifact)
        if artifact.may_copy:
            self._shelf.put(held)
        return is_new

    async def _look(self, path: Path, *, is_quick: bool) -> Held | None:
        """Return a file as it is handed on; nothing if that takes time or cannot be."""
        offload = self._around.offload
        held = await offload(self._shelf.known, path)
        steps = self._shelf.hashing(path)
        try:
            # A step at a time: so a node that is stopped does not finish a large file first.
            while held is None and not is_quick:
                held = await offload(next, steps)
        except ModelFileError as error:
            _log.warning("a file cannot be handed on: %s", error)
        return held

    def _served(self, digest: str) -> ModelCard | None:
        cards = (card for card in self._host.cards if card.artifact)
        return next((c for c in cards if c.artifact and c.artifact.digest == digest), None)

    @property
    def _at_home(self) -> Home:
        if self._home is None:
            raise OverloadedError("This node is starting; ask again.", retry_after_s=0.5)
        return self._home


def _pulled(card: ModelCard, artifact: Artifact, *, is_served: bool) -> Pulled:
    return Pulled(
        model=card.name,
        digest=artifact.digest,
        size_bytes=artifact.size_bytes,
        is_served=is_served,
    )


def _check_memory(manifest: Manifest) -> None:
    needed = manifest.size_bytes * MEMORY_SHARE
    available = free_memory_bytes()
    if needed > available:
        raise StorageError(
            f"The model needs {needed / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are "
            "free: stop something, or pull it without serving it."
        )
