"""An answer under way in the embedded engine: a thread fills its mailbox, a reader empties it."""

from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.error import EngineError
from modelnet.resource.backend.embedded.engine import Engine
from modelnet.resource.backend.llama.answer import AnswerReader
from modelnet.resource.backend.llama.event import openai_event
from modelnet.resource.backend.llama.server import Asking
from modelnet.resource.backend.mailbox import Mailbox
from modelnet.resource.backend.reasoning import ReasoningFilter


class Job:
    """Made on the event loop its reader runs on."""

    def __init__(self, name: str, asking: Asking, alternatives: int | None) -> None:
        self._mailbox: Mailbox[bytes | None] = Mailbox()
        self._name = name
        self._asking = asking
        self._reader = AnswerReader(
            name, openai_event, ReasoningFilter(asking.phase), alternatives=alternatives
        )
        self._work: Future[None] | None = None
        self._is_cancelled = False

    def submit_to(self, workers: ThreadPoolExecutor, engine: Engine) -> None:
        """Let a worker thread do it."""
        self._work = workers.submit(self._do, engine)
        # `None` in the mailbox says that the work has ended.
        self._work.add_done_callback(lambda _: self._mailbox.put_last(None))

    def cancel(self) -> None:
        """Let the work end at its next event, or not begin."""
        self._is_cancelled = True

    async def next(self) -> Chunk | None:
        """Wait for the next batch of events, and return what it adds, if anything, to the answer.

        Raises:
            EngineError: the work ended before the answer did.
            ModelnetError: whatever else ended the work.
        """
        events = await self._mailbox.take()
        chunk = self._reader.read(event for event in events if event is not None)
        if None in events and (chunk is None or chunk.finish is None):
            self._raise_failure()
        return chunk

    def _do(self, engine: Engine) -> None:
        if self._is_cancelled:
            return
        answer = engine.chat if self._asking.is_chat else engine.complete
        answer(msgspec.json.encode(self._asking.body), self._on_event)

    def _on_event(self, event: bytes) -> bool:
        self._mailbox.put(event)
        return self._is_cancelled

    def _raise_failure(self) -> None:
        if self._work is not None:
            self._work.result()
        raise EngineError(f"The engine of {self._name} ended its answer early; ask again.")
