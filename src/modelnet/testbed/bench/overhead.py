"""What the network adds to an answer: the same engine here and in another process, in turns."""

import statistics
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

import anyio

from modelnet.application.node import Node
from modelnet.application.settings import load_settings
from modelnet.core.chunk import Chunk
from modelnet.core.clock import system_clock
from modelnet.core.request import Chat, Message, Sampling
from modelnet.resource.model import Model
from modelnet.resource.specification import model_from
from modelnet.testbed.bench.crowd import gathered

SHORT_MODEL = "zoo:calc"
SHORT_QUESTION = "What is 12 plus 5?"
SOURCE = "source=python:modelnet.testbed.bench.source:thousand_tokens"
ENGINE_TOKENS_PER_S = 1500.0
"""About what a tiny model does on one core: so the pieces come one by one, not in heaps."""

ANSWER_S = 60.0
_MEET_S = 15.0

Answers: TypeAlias = Callable[[Chat], AsyncGenerator[Chunk, None]]


class Pair(NamedTuple):
    """One engine, reached in two ways."""

    direct: Answers
    remote: Answers


async def short_answer_ms(home: Path, rounds: int) -> float:
    """Return the median of a short answer from another node, less that of the engine itself."""
    async with _pair(home / "short", SHORT_MODEL) as pair:
        chat = Chat((Message("user", SHORT_QUESTION),), Sampling(temperature=0.0))
        return await _difference_ms(pair, chat, rounds)


async def thousand_tokens_ms(home: Path, rounds: int) -> float:
    """Return what 1,000 tokens cost more from another node: streamed one by one, or at once.

    The larger of the two: an engine's pace leaves time between tokens, a fast one piles them up.
    """
    async with _pair(home / "stream", SOURCE) as pair:
        paces = (ENGINE_TOKENS_PER_S, 0.0)
        chats = [Chat((Message("user", str(pace)),)) for pace in paces]
        return max([await _difference_ms(pair, chat, rounds) for chat in chats])


@asynccontextmanager
async def _pair(home: Path, specification: str) -> AsyncGenerator[Pair]:
    engine = model_from(specification)
    await engine.start()
    try:
        async with gathered(home, "bench-overhead") as crowd:
            far = await crowd.start("far", settings={"models": [specification]})
            here = {
                "name": "here",
                "network": "bench-overhead",
                "multicast": False,
                "exams": False,
                "join": far.ready.listen,
                "data_dir": home / "here",
            }
            async with Node(load_settings(here, environ={}), with_http=False) as node:
                with anyio.fail_after(_MEET_S):
                    await node.wait_until(lambda directory: bool(directory.offers))
                yield Pair(_direct(engine), _remote(node, engine.card.name))
    finally:
        await engine.stop()


def _direct(engine: Model) -> Answers:
    return lambda chat: engine.run(chat, deadline=system_clock() + ANSWER_S)


def _remote(node: Node, model: str) -> Answers:
    return lambda chat: node.ask(chat, model=model, timeout_s=ANSWER_S)


async def _difference_ms(pair: Pair, chat: Chat, rounds: int) -> float:
    times_s: tuple[list[float], list[float]] = ([], [])
    await _time_s(pair.direct, chat)
    await _time_s(pair.remote, chat)
    for i in range(rounds):
        for which in (0, 1) if i % 2 else (1, 0):
            times_s[which].append(await _time_s(pair[which], chat))
    direct_s, remote_s = map(statistics.median, times_s)
    return (remote_s - direct_s) * 1000.0


async def _time_s(answers: Answers, chat: Chat) -> float:
    began = time.perf_counter()
    async with aclosing(answers(chat)) as chunks:
        async for _ in chunks:
            pass
    return time.perf_counter() - began
