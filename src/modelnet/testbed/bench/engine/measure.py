"""Asking an engine in two ways, in turns, so many requests at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from itertools import repeat
from typing import Any, TypeAlias

import anyio
import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.clock import system_clock
from modelnet.core.error import EngineError
from modelnet.core.request import Request
from modelnet.resource.model import Model
from modelnet.testbed.bench.engine.figure import Block, Load, side_of

ANSWER_S = 120.0

MOST_AT_ONCE = 64
"""Functions that are measured take as many: no door is before them to let others wait."""

Ask: TypeAlias = Callable[[], Awaitable[Any]]
"""Asks once and returns when the answer is whole."""

OpenLane: TypeAlias = Callable[[], AbstractAsyncContextManager[Ask]]
"""Opens a connection to a server."""

Call: TypeAlias = Callable[[], Any]
"""Asks an engine of this process once, in the thread that calls it."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """An engine, and its two ways: through the adapter, and directly."""

    name: str
    model: Model
    request: Request
    open_lane: OpenLane | None = None
    """For servers."""
    call: Call | None = None
    """For engines in this process: called by plain threads, without an event loop."""

    @property
    def is_http(self) -> bool:
        """Whether the engine is a server."""
        return self.open_lane is not None


Way: TypeAlias = Callable[[Pair, int, int], Awaitable[Block]]
"""Asks so many times, so many at once, and tells how long it took."""


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    counts: tuple[int, ...] = (1, 16, MOST_AT_ONCE)
    """Requests at once."""
    rounds: int = 6
    requests: int = 256
    """In a round, in each way."""


async def loads_of(pair: Pair, effort: Effort) -> dict[int, Load]:
    """Return what the engine does in each way, by the number of requests at once."""
    tokens = await _tokens_per_answer(pair)
    return {count: await _load(pair, effort, count, tokens) for count in effort.counts}


async def _load(pair: Pair, effort: Effort, count: int, tokens: float) -> Load:
    ways = [_adapter_block, _direct_block] + ([_executor_block] if pair.call else [])
    blocks: dict[Way, list[Block]] = {way: [] for way in ways}
    for way in ways:
        await way(pair, count, count)
    for _ in range(effort.rounds):
        for way in ways:
            blocks[way].append(await way(pair, count, effort.requests))
        # In turns, each first as often as the other: what else the machine does hits all.
        ways.reverse()
    sides = {way: side_of(measured, tokens) for way, measured in blocks.items()}
    return Load(
        direct=sides[_direct_block],
        adapter=sides[_adapter_block],
        executor=sides.get(_executor_block),
    )


async def _adapter_block(pair: Pair, count: int, requests: int) -> Block:
    return await _block([lambda: answer_of(pair)] * count, requests)


async def _executor_block(pair: Pair, count: int, requests: int) -> Block:
    """Call as any program with an event loop would: in the threads that asyncio offers."""
    loop, call = asyncio.get_running_loop(), pair.call or _nothing
    with ThreadPoolExecutor(count) as threads:
        return await _block([lambda: loop.run_in_executor(threads, call)] * count, requests)


def _nothing() -> None:
    """Be called where there is nothing to call."""


async def _direct_block(pair: Pair, count: int, requests: int) -> Block:
    if pair.call is not None:
        return await _threaded_block(pair.call, count, requests)
    if pair.open_lane is None:
        raise EngineError(f"{pair.name} has no direct way.")
    async with AsyncExitStack() as stack:
        lanes = [await stack.enter_async_context(pair.open_lane()) for _ in range(count)]
        return await _block(lanes, requests)


async def _block(asks: list[Ask], requests: int) -> Block:
    times_s: list[float] = []
    work = iter(repeat(None, requests))

    async def ask_on(ask: Ask) -> None:
        for _ in work:
            began_s = time.perf_counter()
            await ask()
            times_s.append(time.perf_counter() - began_s)

    began_s = time.perf_counter()
    async with anyio.create_task_group() as group:
        for ask in asks:
            group.start_soon(ask_on, ask)
    return Block(tuple(times_s), time.perf_counter() - began_s)


async def _threaded_block(call: Call, count: int, requests: int) -> Block:
    """Call from plain threads that do nothing else."""
    work = iter(range(requests))
    with ThreadPoolExecutor(count) as threads:
        began_s = time.perf_counter()
        done = [asyncio.wrap_future(threads.submit(_call_on, call, work)) for _ in range(count)]
        times_s = [time_s for times in await asyncio.gather(*done) for time_s in times]
        return Block(tuple(times_s), time.perf_counter() - began_s)


def _call_on(call: Call, work: Iterator[int]) -> list[float]:
    times_s: list[float] = []
    for _ in work:
        began_s = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - began_s)
    return times_s


async def answer_of(pair: Pair) -> Chunk:
    """Return the last chunk of an answer through the adapter."""
    last = Chunk()
    deadline = system_clock() + ANSWER_S
    async with aclosing(pair.model.run(pair.request, deadline=deadline)) as chunks:
        async for chunk in chunks:
            last = chunk
    return last


async def _tokens_per_answer(pair: Pair) -> float:
    last = await answer_of(pair)
    return float(last.usage.completion_tokens) if last.usage else 0.0
