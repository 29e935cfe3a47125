"""Serving this node's models to its peers: decode, find the model, admit, run, stream."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from modelnet.core.card import ModelCard
from modelnet.core.clock import Clock
from modelnet.core.error import EngineError, UnknownModelError, UnsupportedError
from modelnet.core.load import Load
from modelnet.core.request import operation_of
from modelnet.resource.admission import AdmittedModel
from modelnet.resource.message import decode_call, encode
from modelnet.resource.model import Model
from modelnet.transport.network import Incoming

_log = logging.getLogger(__name__)


class Host:
    """The models of this node, each behind its door."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._models: dict[str, AdmittedModel] = {}

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """The cards of the models served now."""
        return tuple(model.card for model in self._models.values())

    @property
    def load(self) -> Load:
        """How busy each model is."""
        return Load({name: model.load for name, model in self._models.items()})

    def add(self, model: Model) -> None:
        """Serve a started model; one of the same name is replaced."""
        self._models[model.card.name] = AdmittedModel(model, self._clock)

    def remove(self, name: str) -> Model | None:
        """Stop offering a model; requests under way go on until it is stopped."""
        return self._models.pop(name, None)

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
        model = self.get(call.model)
        operation = operation_of(call.request)
        if operation not in model.card.operations:
            raise UnsupportedError(f"{call.model} cannot {operation}.")
        try:
            async with aclosing(model.run(call.request, deadline=incoming.deadline)) as chunks:
                async for chunk in chunks:
                    yield encode(chunk)
        except EngineError as error:
            # What an engine says may hold addresses, keys or code: that stays on this node.
            _log.warning("%s failed for %s: %s", call.model, incoming.sender, error)
            raise EngineError(f"The engine of {call.model} failed; ask another model.") from error
