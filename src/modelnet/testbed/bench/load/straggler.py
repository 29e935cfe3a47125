"""A model of which a few answers take far too long, as where a disk or a neighbour stalls."""

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.request import Request
from modelnet.resource.model import Model

TIMES = 100.0
"""How many times longer than usual a straggler takes."""


class StragglingModel:
    """Another model, of which some answers begin late."""

    def __init__(
        self, model: Model, p_straggler: float, usual_s: float, rng: random.Random
    ) -> None:
        """Hold up answers with that probability, by the usual time again and again."""
        self._model = model
        self._p_straggler = p_straggler
        self._late_s = (TIMES - 1.0) * usual_s
        self._rng = rng
        self.calls = 0
        """Answers that were begun."""

    @property
    def card(self) -> ModelCard:
        """The card of the model that answers."""
        return self._model.card

    async def start(self) -> None:
        """Start the model that answers."""
        await self._model.start()

    async def stop(self) -> None:
        """Stop the model that answers."""
        await self._model.stop()

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer as `Model.run` says, now and then late."""
        self.calls += 1
        if self._rng.random() < self._p_straggler:
            await anyio.sleep(self._late_s)
        async with aclosing(self._model.run(request, deadline=deadline)) as chunks:
            async for chunk in chunks:
                yield chunk
