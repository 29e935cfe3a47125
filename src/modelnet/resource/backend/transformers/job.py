"""One request under way: a worker thread fills its mailbox, its reader empties it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.error import EngineError
from modelnet.core.request import Chat, Complete, Embed, Encode, Infer, Request, Score, Step
from modelnet.resource.backend.guard import unsupported
from modelnet.resource.backend.mailbox import Mailbox
from modelnet.resource.backend.transformers.engine import Engine
from modelnet.resource.backend.transformers.folder import Embedder
from modelnet.resource.backend.transformers.generation import generate
from modelnet.resource.backend.transformers.reading import embed, encode, score, step
from modelnet.resource.backend.transformers.sequence import StoppedError


class Job:
    """Made on the event loop that reads it."""

    def __init__(self, card: ModelCard, request: Request, embedder: Embedder | None) -> None:
        self._card = card
        self._request = request
        self._embedder = embedder
        self._mailbox: Mailbox[Chunk | None] = Mailbox()
        self._work: Future[None] | None = None
        self.is_stopped = False

    def submit_to(self, workers: ThreadPoolExecutor, engine: Engine) -> None:
        """Let a worker thread do it."""
        self._work = workers.submit(self._do, engine)
        self._work.add_done_callback(lambda _: self._mailbox.put_last(None))

    async def take(self) -> list[Chunk]:
        """Wait for the next chunks.

        Raises:
            EngineError: the work ended before the answer did.
            ModelnetError: whatever else ended the work.
        """
        taken = await self._mailbox.take()
        chunks = [chunk for chunk in taken if chunk is not None]
        if None in taken and not any(chunk.finish for chunk in chunks):
            self._raise_failure()
        return chunks

    def _do(self, engine: Engine) -> None:
        try:
            for chunk in self._answer(engine):
                self._mailbox.put(chunk)
        except StoppedError:
            return

    def _answer(self, engine: Engine) -> Iterator[Chunk]:
        stopped = self._is_stopped
        if stopped():
            raise StoppedError
        match self._request:
            case Chat() | Complete():
                return generate(engine, self._request, self._card.name, stopped)
            case Step():
                return iter([step(engine, self._request, stopped)])
            case Score():
                return iter([score(engine, self._request, stopped)])
            case Encode():
                return iter([encode(engine, self._request, stopped)])
            case Embed() if self._embedder is not None:
                return iter([embed(engine, self._embedder, self._request, stopped)])
            case Embed() | Infer():
                raise unsupported(self._card, self._request)

    def _is_stopped(self) -> bool:
        return self.is_stopped

    def _raise_failure(self) -> None:
        if self._work is not None and not self._work.cancelled():
            self._work.result()
        raise EngineError(f"The engine of {self._card.name} ended its answer early; ask again.")
