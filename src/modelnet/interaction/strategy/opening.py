"""Until the first word: one call alone, or with a second one beside it when it is late."""

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from modelnet.core.chunk import Chunk
from modelnet.core.error import ModelnetError
from modelnet.interaction.strategy.call import Call

Failed = list[tuple[Call, ModelnetError]]


@dataclass(slots=True)
class Opening:
    """Who spoke first, and who failed before."""

    call: Call | None = None
    """Whose chunks are to be read on; nobody's where all failed."""
    chunk: Chunk = field(default_factory=Chunk)
    """The first of them."""
    failed: Failed = field(default_factory=Failed)
    late: Call | None = None
    """Who was late, where another answers in its place."""


async def alone(call: Call) -> Opening:
    """Wait for the first chunk of a call."""
    opening = Opening()
    await _hear(call, opening)
    return opening


async def hedged(first: Call, second: Callable[[], Call | None], late_s: float) -> Opening:
    """Wait for a call's first chunk; when it is late also for a second's, if there may be one.

    The first to speak wins, the other is cancelled. Where one fails, the other goes on alone.
    """
    opening = Opening()
    calls = [first]
    async with anyio.create_task_group() as group:

        async def join() -> None:
            await anyio.sleep(late_s)
            if (call := second()) is not None:
                calls.append(call)
                await compete(call)

        async def compete(call: Call) -> None:
            await _hear(call, opening)
            # One that fails alone before it is late needs no hedge but a successor.
            if opening.call is not None or len(opening.failed) == len(calls):
                group.cancel_scope.cancel()

        group.start_soon(join)
        await compete(first)
    opening.late = first if opening.call not in (None, first) and not opening.failed else None
    for call in calls:
        if call is not opening.call:
            await call.chunks.aclose()
    return opening


async def _hear(call: Call, opening: Opening) -> None:
    try:
        chunk = await anext(call.chunks)
    except ModelnetError as error:
        opening.failed.append((call, error))
        return
    if opening.call is None:
        opening.call, opening.chunk = call, chunk
