"""Hearing answers out before anybody is told: one, or several at once until enough was heard."""

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import anyio
import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.error import EngineError, ModelnetError
from modelnet.core.request import Chat, Complete, Request
from modelnet.interaction.strategy.call import Call
from modelnet.interaction.strategy.pool import Pool
from modelnet.service.pathway.answer import Answer

MOST_BYTES = 1 << 20
"""An answer that is longer is no answer: it has to be kept until it is judged."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A whole answer, kept to be judged and perhaps told."""

    call: Call
    request: Request
    """What was asked, as the asker put it."""
    chunks: tuple[Chunk, ...]
    at: float
    """When it was whole, in Unix seconds."""
    proof: bool | None = None
    """Whether it passes the tests of whoever asked."""

    @property
    def answer(self) -> Answer:
        """What there is to judge."""
        begun = self.request.partial.text if isinstance(self.request, Chat | Complete) else ""
        logprobs = [t.logprob for c in self.chunks for t in c.tokens if math.isfinite(t.logprob)]
        return Answer(
            scored=self.call.scored,
            text=begun + "".join(chunk.text for chunk in self.chunks),
            tool_calls=tuple(call for chunk in self.chunks for call in chunk.tool_calls),
            logprob=sum(logprobs) / len(logprobs) if logprobs else None,
            finish=self.chunks[-1].finish or "stop",
            proof=self.proof,
        )

    def told(self) -> Generator[Chunk]:
        """Yield the chunks as the asker wants them: without log-probabilities nobody asked for."""
        request = self.request
        is_wanted = (
            isinstance(request, Chat | Complete) and request.sampling.top_logprobs is not None
        )
        for chunk in self.chunks:
            yield chunk if is_wanted else msgspec.structs.replace(chunk, tokens=())


@dataclass(frozen=True, slots=True)
class Hearing:
    """What became of several calls."""

    heard: list[Heard] = field(default_factory=list[Heard])
    """In the order they were whole."""
    failed: list[tuple[Call, ModelnetError]] = field(
        default_factory=list[tuple[Call, ModelnetError]]
    )


async def hear(call: Call, request: Request, pool: Pool) -> Heard:
    """Return the whole answer of a call.

    Raises:
        EngineError: it was too long to keep.
        ModelnetError: the call failed.
    """
    chunks: list[Chunk] = []
    size = 0
    async with aclosing(call.chunks) as stream:
        async for chunk in stream:
            size += len(chunk.text) + len(chunk.reasoning)
            if size > MOST_BYTES:
                raise EngineError(f"{call.offer.card.name} does not end its answer.")
            chunks.append(chunk)
    return Heard(call, request, tuple(chunks), pool.now())


async def proved(heard: Heard, pool: Pool) -> Heard:
    """Return an answer with what its tests say, where it has any and they can be run in time."""
    task = heard.call.task
    if task is None or not pool.can_prove(task):
        return heard
    return replace(heard, proof=await pool.prove(task, heard.answer.text))


Until = Callable[[Sequence[Heard]], float]
"""Until when to listen on, in Unix seconds, given what was heard; now or before: it is enough."""


async def hear_several(
    calls: Sequence[Call], request: Request, until: Until, pool: Pool
) -> Hearing:
    """Let several models answer at once; who is not done when it is enough is cancelled."""
    hearing = Hearing()
    news = anyio.Event()

    async def listen(call: Call) -> None:
        nonlocal news
        try:
            heard = await hear(call, request, pool)
            try:
                heard = await proved(heard, pool)
            finally:
                # Where there is no time left it counts untried.
                hearing.heard.append(heard)
        except ModelnetError as error:
            hearing.failed.append((call, error))
        told, news = news, anyio.Event()
        told.set()

    async with anyio.create_task_group() as group:
        for call in calls:
            group.start_soon(listen, call)
        while len(hearing.heard) + len(hearing.failed) < len(calls):
            left_s = until(hearing.heard) - pool.now()
            if left_s <= 0.0:
                break
            with anyio.move_on_after(left_s):
                await news.wait()
        group.cancel_scope.cancel()
    return hearing
