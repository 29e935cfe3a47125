"""An Encoder for an event loop: one worker thread, and those who ask at once share its turn."""

from collections.abc import Sequence

from modelnet.core.clock import Clock, system_clock
from modelnet.resource.backend.batching import Abandonment, Batcher, Shape
from modelnet.resource.backend.guard import Lifetime
from modelnet.resource.backend.typed.array import Array
from modelnet.resource.encoder.encoder import Encoder

MAX_BATCH = 8
"""Texts in a turn of the thread, which ends as a whole: the first of many waits for the last."""

_NAME = "MiniLM"


class SharedEncoder:
    """Encodes in one thread, however many ask; texts of those who left are not encoded."""

    def __init__(self, encoder: Encoder, *, clock: Clock = system_clock) -> None:
        self._encoder = encoder
        self._lifetime = Lifetime(_NAME, clock)
        self._lifetime.begin()
        self._batcher = Batcher[tuple[str, ...], Array](
            self._encode, _shape, workers=1, max_size=MAX_BATCH, name="encoder"
        )

    async def encode(self, texts: Sequence[str], *, deadline: float) -> Array:
        """Return an embedding a text, as `Encoder.encode` says.

        Args:
            texts: any texts.
            deadline: Unix seconds; whoever routes goes on without an embedding after that.

        Raises:
            DeadlineError: the deadline passed first.
            EngineError: the engine failed, or the encoder was closed.
        """
        with self._lifetime.wait(deadline):
            return await self._batcher.ask((*texts,))

    def close(self) -> None:
        """End what is under way, and encode no more."""
        self._lifetime.end()
        self._batcher.close()

    def _encode(self, asked: Sequence[tuple[str, ...]], abandonment: Abandonment) -> list[Array]:
        made: list[Array] = []
        for texts in asked:
            if abandonment:  # Nobody is left to notice that results are missing.
                break
            made.append(self._encoder.encode(texts))
        return made


def _shape(texts: tuple[str, ...]) -> Shape:
    return Shape("texts", len(texts))
