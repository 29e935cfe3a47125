"""A model that shows its answer no faster than it is told, so that a person can watch it."""

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing

import anyio
import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.request import Request
from modelnet.resource.backend.guard import Lifetime
from modelnet.resource.model import Model


class PacedModel:
    """Another model, its answers held to so many characters a second; reasoning is not held."""

    def __init__(
        self, model: Model, characters_per_s: float, *, clock: Clock = system_clock
    ) -> None:
        self._model = model
        self._characters_per_s = characters_per_s
        self._clock = clock
        self._lifetime = Lifetime("paced", clock)

    @property
    def card(self) -> ModelCard:
        """The card of the model that answers."""
        return self._model.card

    async def start(self) -> None:
        """Start the model that answers."""
        await self._model.start()
        self._lifetime = Lifetime(self.card.name, self._clock)
        self._lifetime.begin()

    async def stop(self) -> None:
        """Stop the model that answers, and what it answered but nobody saw yet."""
        self._lifetime.end()
        await self._model.stop()

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer as `Model.run` says, a character after the other."""
        due_s = anyio.current_time()
        async with aclosing(self._model.run(request, deadline=deadline)) as chunks:
            async for chunk in chunks:
                for piece in _pieces(chunk):
                    due_s += len(piece.text) / self._characters_per_s
                    with self._lifetime.wait(deadline):
                        await anyio.sleep_until(due_s)
                    yield piece


def _pieces(chunk: Chunk) -> Generator[Chunk]:
    """Cut a chunk into characters; one with log-probabilities stays whole, as its tokens are."""
    if len(chunk.text) < 2 or chunk.tokens:
        yield chunk
        return
    first, *others, last = chunk.text
    yield Chunk(text=first, reasoning=chunk.reasoning, n_tokens=0)
    for character in others:
        yield Chunk(text=character, n_tokens=0)
    yield msgspec.structs.replace(chunk, text=last, reasoning="")
