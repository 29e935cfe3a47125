"""An answer as the endpoints take it: watched while it streams, or collected whole."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import perf_counter

import msgspec

from modelnet.application.gateway.answering import Answering
from modelnet.application.gateway.meter import Meter
from modelnet.core.chunk import Alternative, Chunk, FinishReason, Token, ToolCall, Usage
from modelnet.core.error import EngineError
from modelnet.core.identity import RequestId
from modelnet.core.request import operation_of
from modelnet.core.task import Contribution, Task
from modelnet.core.tensor import Tensor
from modelnet.service.explanation import Explanation


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """The `modelnet` object of a response: which task it was and who answered."""

    task_id: RequestId
    contributors: tuple[Contribution, ...]
    explanation: Explanation | msgspec.UnsetType = msgspec.UNSET
    """Who was considered, where that was asked."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    text: str
    reasoning: str
    tokens: tuple[Token, ...]
    alternatives: tuple[Alternative, ...] = ()
    vectors: tuple[bytes, ...]
    tensors: tuple[Tensor, ...] = ()
    tool_calls: tuple[ToolCall, ...]
    finish: FinishReason
    usage: Usage
    contributions: tuple[Contribution, ...]

    @property
    def model(self) -> str:
        """The model that finished the answer."""
        return self.contributions[-1].model if self.contributions else ""


async def observed(
    answering: Answering, task: Task, meter: Meter
) -> AsyncGenerator[Chunk | Contribution, None]:
    """Yield the answer to a task, counting on the way.

    Raises:
        EngineError: the answer stopped without saying that it was whole.
        ModelnetError: whatever `answering` raises.
    """
    begun = perf_counter()
    contributors = chunks = 0
    is_whole = is_recalled = False
    async with aclosing(answering.answer(task)) as answer:
        async for item in answer:
            if isinstance(item, Chunk):
                chunks += 1
                if chunks == 1:
                    meter.began(operation_of(task.request), perf_counter() - begun)
                if item.finish is not None:
                    is_whole = True
                    # Nothing was read or written for an answer that is told again.
                    meter.used(Usage() if is_recalled else item.usage or Usage())
            elif item.recalled is not None:
                is_recalled = True
            else:
                contributors += 1
                if contributors > 1:
                    meter.failed_over()
            yield item
    if not is_whole:
        raise EngineError("The answer stopped without an end; ask again.")


async def collect(items: AsyncGenerator[Chunk | Contribution, None]) -> Answer:
    """Return a whole answer."""
    chunks: list[Chunk] = []
    contributions: list[Contribution] = []
    async with aclosing(items):
        async for item in items:
            if isinstance(item, Chunk):
                chunks.append(item)
            else:
                contributions.append(item)
    last = chunks[-1]
    return Answer(
        text="".join(chunk.text for chunk in chunks),
        reasoning="".join(chunk.reasoning for chunk in chunks),
        tokens=tuple(token for chunk in chunks for token in chunk.tokens),
        alternatives=tuple(other for chunk in chunks for other in chunk.alternatives),
        vectors=tuple(vector for chunk in chunks for vector in chunk.vectors),
        tensors=tuple(tensor for chunk in chunks for tensor in chunk.tensors),
        tool_calls=tuple(call for chunk in chunks for call in chunk.tool_calls),
        finish=last.finish or "stop",
        usage=last.usage or Usage(),
        contributions=tuple(contributions),
    )
