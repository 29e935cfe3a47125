"""Writing an answer token by token: our own loop, so that it can be stopped between any two."""

from collections.abc import Iterator

from modelnet.core.chunk import Chunk, FinishReason, Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Chat, Complete
from modelnet.resource.backend.transformers.answer import AnswerWriter
from modelnet.resource.backend.transformers.call import CallReader
from modelnet.resource.backend.transformers.distribution import Distribution
from modelnet.resource.backend.transformers.drawing import Drawing
from modelnet.resource.backend.transformers.engine import Engine
from modelnet.resource.backend.transformers.prompt import Prompt, read_prompt
from modelnet.resource.backend.transformers.sequence import IsStopped, Sequence, StoppedError


def generate(
    engine: Engine, request: Chat | Complete, name: str, is_stopped: IsStopped
) -> Iterator[Chunk]:
    """Yield the chunks of an answer.

    Raises:
        StoppedError: nobody waits for it any more.
        ModelnetError: the request cannot be answered, or the engine failed.
    """
    prompt = read_prompt(engine, request)
    calls = CallReader(name) if isinstance(request, Chat) and request.tools else None
    writer = AnswerWriter(prompt.phase, request.sampling.stop, calls)
    with engine.open() as sequence:
        yield from _Generation(engine, request, writer).run(sequence, prompt, is_stopped)


class _Generation:
    """One answer under way."""

    def __init__(self, engine: Engine, request: Chat | Complete, writer: AnswerWriter) -> None:
        self._vocabulary = engine.tokenizer.vocabulary
        self._context_length = engine.tokenizer.context_length
        self._wanted = request.sampling
        self._drawing = Drawing(request.sampling, engine.habits)
        self._writer = writer

    def run(self, sequence: Sequence, prompt: Prompt, is_stopped: IsStopped) -> Iterator[Chunk]:
        room = self._context_length - len(prompt.tokens)
        limit = min(room, self._wanted.max_tokens or room)
        logits = sequence.read_prompt(prompt.tokens, is_stopped)
        for n_drawn in range(1, limit + 1):
            place, chunk = self._draw(Distribution(logits, self._vocabulary))
            if chunk is not None:
                yield chunk
            if is_stopped():
                raise StoppedError
            if finish := self._finish(place, is_last=n_drawn == limit):
                yield self._writer.end(finish, Usage(len(prompt.tokens), n_drawn))
                return
            logits = sequence.read([place])[0]
        raise EngineError("The prompt leaves no room for an answer; shorten it.")

    def _draw(self, told: Distribution) -> tuple[int, Chunk | None]:
        place = self._drawing.draw(told.logits)
        if place in self._vocabulary.ends:
            return place, None
        wanted = self._wanted.top_logprobs
        token = None if wanted is None else told.token(place, wanted)
        return place, self._writer.feed(self._vocabulary.bytes_of(place), token)

    def _finish(self, place: int, *, is_last: bool) -> FinishReason | None:
        if place in self._vocabulary.ends or self._writer.is_stopped:
            return "stop"
        return "length" if is_last else None
