"""An answer under way in the embedded engine: a thread reads it, a mailbox carries it over."""

from collections.abc import Sequence

import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.error import EngineError, ModelnetError
from modelnet.resource.backend.embedded.engine import Engine
from modelnet.resource.backend.llama.answer import AnswerReader
from modelnet.resource.backend.llama.event import openai_event
from modelnet.resource.backend.llama.server import Asking
from modelnet.resource.backend.mailbox import Mailbox
from modelnet.resource.backend.reasoning import ReasoningFilter
from modelnet.resource.backend.thread import Threads


class Job:
    """Made on the event loop its reader runs on.

    llama.cpp hands its events to the thread that asked; there they are read, while it computes the
    next ones, so that the event loop has only chunks to pass on.
    """

    def __init__(self, name: str, asking: Asking, alternatives: int | None) -> None:
        self._mailbox: Mailbox[Chunk | None] = Mailbox()
        self._name = name
        self._asking = asking
        self._reader = AnswerReader(
            name, openai_event, ReasoningFilter(asking.phase), alternatives=alternatives
        )
        self._error: BaseException | None = None
        self._is_cancelled = False

    def begin(self, threads: Threads, engine: Engine) -> None:
        """Let a thread do it."""
        threads.hand_over(self._end, self._do, engine)

    def cancel(self) -> None:
        """Let the work end at its next event, or not begin."""
        self._is_cancelled = True

    async def next(self) -> Chunk | None:
        """Wait for the next pieces, and return what they add, if anything, to the answer.

        Raises:
            EngineError: the work ended before the answer did.
            ModelnetError: whatever else ended the work.
        """
        arrived = await self._mailbox.take()
        chunks = [chunk for chunk in arrived if chunk is not None]
        if None in arrived and not (chunks and chunks[-1].finish):
            raise self._error or EngineError(
                f"The engine of {self._name} ended its answer early; ask again."
            )
        return joined(chunks) if chunks else None

    def _do(self, engine: Engine) -> None:
        if self._is_cancelled:
            return
        answer = engine.chat if self._asking.is_chat else engine.complete
        answer(msgspec.json.encode(self._asking.body), self._on_event)

    def _on_event(self, event: bytes) -> bool:
        """Read an event; returning True stops llama.cpp. It must not see what is raised here."""
        try:
            chunk = self._reader.read((event,))
        except ModelnetError as error:
            self._error = self._error or error
            return True
        if chunk is not None and chunk.finish is not None:
            self._mailbox.put_last(chunk)
        elif chunk is not None:
            self._mailbox.put(chunk)
        return self._is_cancelled

    def _end(self, _: None, error: BaseException | None) -> None:
        self._error = self._error or error
        self._mailbox.put_last(None)


def joined(chunks: Sequence[Chunk]) -> Chunk:
    """Return several pieces of an answer as one."""
    if len(chunks) == 1:
        return chunks[0]
    last = chunks[-1]
    return Chunk(
        text="".join(chunk.text for chunk in chunks),
        reasoning="".join(chunk.reasoning for chunk in chunks),
        n_tokens=sum(chunk.n_tokens for chunk in chunks),
        tokens=tuple(token for chunk in chunks for token in chunk.tokens),
        tool_calls=last.tool_calls,
        finish=last.finish,
        usage=last.usage,
    )
