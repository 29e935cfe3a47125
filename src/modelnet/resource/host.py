"""Serving this node's models to its peers: decode, find the model, admit, run, stream."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

import anyio
import msgspec

from modelnet.core.card import Artifact, ModelCard
from modelnet.core.clock import Clock
from modelnet.core.error import EngineError, UnknownModelError, UnsupportedError
from modelnet.core.load import Load
from modelnet.core.request import operation_of
from modelnet.resource.admission import AdmittedModel
from modelnet.resource.copy.call import CopyCall
from modelnet.resource.message import ModelCall, decode_call, encode
from modelnet.resource.model import Model
from modelnet.transport.network import Incoming

_log = logging.getLogger(__name__)


class Copier(Protocol):
    """Answers what other nodes ask about files."""

    def handle(self, call: CopyCall, incoming: Incoming) -> AsyncGenerator[bytes, None]:
        """Answer one request, piece by piece."""
        ...


class Host:
    """The models of this node, each behind its door."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._models: dict[str, AdmittedModel] = {}
        self._artifacts: dict[str, Artifact] = {}
        self._copier: Copier | None = None

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """The cards of the models served now, with the files they are made of as far as known."""
        return tuple(
            msgspec.structs.replace(model.card, artifact=self._artifacts[name])
            if name in self._artifacts
            else model.card
            for name, model in self._models.items()
        )

    @property
    def load(self) -> Load:
        """How busy each model is."""
        return Load({name: model.load for name, model in self._models.items()})

    async def look(self) -> None:
        """Look at what others ask of the engines; none is waited for longer than one look takes."""
        async with anyio.create_task_group() as group:
            for model in self._models.values():
                group.start_soon(model.look)

    def add(self, model: Model) -> None:
        """Serve a started model; one of the same name is replaced."""
        self._models[model.card.name] = AdmittedModel(model, self._clock)

    def remove(self, name: str) -> Model | None:
        """Stop offering a model; requests under way go on until it is stopped."""
        self._artifacts.pop(name, None)
        return self._models.pop(name, None)

    def describe(self, name: str, artifact: Artifact) -> None:
        """Say which file a model is made of, if it is still served."""
        if name in self._models:
            self._artifacts[name] = artifact

    def hand_on(self, copier: Copier) -> None:
        """Let somebody answer what other nodes ask about files."""
        self._copier = copier

    def get(self, name: str) -> AdmittedModel:
        """Return a model of this node.

        Raises:
            UnknownModelError: it is not, or no longer, served here.
        """
        model = self._models.get(name)
        if model is None:
            raise UnknownModelError(f"This node does not serve {name!r}.")
        return model

    async def handle(self, incoming: Incoming) -> AsyncGenerator[bytes, None]:
        """Answer a peer: the Handler that is given to the Network."""
        call = decode_call(incoming.body)
        if not isinstance(call, ModelCall):
            async with aclosing(self._about_files(call, incoming)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        model = self.get(call.model)
        operation = operation_of(call.request)
        if operation not in model.card.operations:
            raise UnsupportedError(f"{call.model} cannot {operation}.")
        try:
            running = model.run(call.request, deadline=incoming.deadline, asker=incoming.sender)
            async with aclosing(running) as chunks:
                async for chunk in chunks:
                    yield encode(chunk)
        except EngineError as error:
            # What an engine says may hold addresses, keys or code: that stays on this node.
            _log.warning("%s failed for %s: %s", call.model, incoming.sender, error)
            raise EngineError(f"The engine of {call.model} failed; ask another model.") from error

    def _about_files(self, call: CopyCall, incoming: Incoming) -> AsyncGenerator[bytes, None]:
        if self._copier is None:
            raise UnsupportedError("This node hands on no files; ask another node.")
        return self._copier.handle(call, incoming)
