"""What every back-end keeps when the server behind it does not keep its word."""

import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import anyio
import msgspec
import pytest

from modelnet.application.node import Node
from modelnet.application.settings import Settings
from modelnet.core.card import Price
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.error import (
    DeadlineError,
    EngineError,
    ModelnetError,
    OverloadedError,
    SettingsError,
)
from modelnet.core.identity import NodeId, new_request_id
from modelnet.core.request import Chat, Message
from modelnet.core.task import Contribution, Task
from modelnet.resource.backend.scripted import ScriptedModel, scripted_card
from modelnet.resource.model import Model
from modelnet.transport.memory import MemoryHub, MemoryNetwork
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey
from tests.conformance.bad_engines import BAD_ENGINES, NAME, SAID, BadEngine
from tests.conformance.bad_server import (
    BUSY,
    ENDLESS_HEAD,
    FAILS,
    GONE,
    HANGS,
    NO_HTTP,
    NO_JSON,
    VANISHES,
    After,
    BadServer,
    Received,
    Reply,
    Script,
    answer,
    cut,
    serving,
)

pytestmark = pytest.mark.anyio
TELL = Chat((Message("user", "tell"),))
MUTATIONS = 100

SENSELESS = [NO_HTTP, NO_JSON, VANISHES, ENDLESS_HEAD, FAILS, GONE, answer({}), answer(b"")]
"""What is no answer, whatever the engine: its fault, and another model may do better."""


@pytest.fixture(params=BAD_ENGINES, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> BadEngine:
    return request.param


@asynccontextmanager
async def running(engine: BadEngine, script: Script) -> AsyncIterator[tuple[Model, BadServer]]:
    async with serving(script) as server:
        model = engine.make(server.url)
        await model.start()
        try:
            yield model, server
        finally:
            await model.stop()


async def hear(
    model: Model, within_s: float = 10.0, into: list[Chunk] | None = None
) -> list[Chunk]:
    """Return the answer; what came of one that fails is left in `into`."""
    heard = [] if into is None else into
    async with aclosing(model.run(TELL, deadline=time.time() + within_s)) as chunks:
        async for chunk in chunks:
            heard.append(chunk)
    return heard


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def cut_stream(reply: Reply, after: After = "abort") -> Reply:
    """The reply cut in its middle; one that only prepares the stream, like a prompt, is whole."""
    return cut(reply, after) if reply.is_stream else reply


async def still_answers(model: Model, server: BadServer, engine: BadEngine) -> None:
    server.script = engine.well
    assert text_of(await hear(model)) == SAID


async def test_a_good_server_is_understood(engine: BadEngine):
    async with running(engine, engine.well) as (model, _):
        assert model.card.name == NAME
        chunks = await hear(model)
        assert text_of(chunks) == SAID
        assert chunks[-1].finish == "stop"
        assert chunks[-1].usage == Usage(1, 10)


@pytest.mark.parametrize("fault", SENSELESS, ids=lambda fault: repr(fault.raw[:24]))
async def test_what_makes_no_sense_is_the_engines_fault(engine: BadEngine, fault: Reply):
    async with running(engine, engine.well) as (model, server):
        server.script = lambda _: fault
        for _ in range(3):
            with pytest.raises(EngineError):
                await hear(model)
        await still_answers(model, server, engine)


@pytest.mark.parametrize(("status", "wait_s"), [(429, 7.0), (503, 7.0)])
async def test_a_full_engine_says_when_to_come_back(engine: BadEngine, status: int, wait_s: float):
    async with running(engine, engine.well) as (model, server):
        busy = answer({"error": {"message": "full"}}, status=status, headers={"Retry-After": "7"})
        server.script = lambda _: busy
        with pytest.raises(OverloadedError) as caught:
            await hear(model)
        assert caught.value.retry_after_s == wait_s
        await still_answers(model, server, engine)


@pytest.mark.parametrize("after", ["abort", "close"])
async def test_breaking_off_is_the_engines_fault(engine: BadEngine, after):
    async with running(engine, engine.well) as (model, server):
        server.script = lambda received: cut_stream(engine.well(received), after)
        chunks: list[Chunk] = []
        with pytest.raises(EngineError):
            await hear(model, into=chunks)
        assert SAID.startswith(text_of(chunks))
        assert not any(chunk.finish for chunk in chunks)
        await still_answers(model, server, engine)


async def test_a_stream_that_ends_without_an_end_broke_off(engine: BadEngine):
    def early(received: Received) -> Reply:
        """Leave out the second half, and close the chunks in good order."""
        if not engine.well(received).is_stream:
            return engine.well(received)
        head, _, body = engine.well(received).raw.partition(b"\r\n\r\n")
        half = body[: body.index(b"\r\n", len(body) // 2)]
        whole = half[: half.rindex(b"\n")]
        media = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-t"))
        return Reply(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (media, _unchunked(whole)), "close")

    async with running(engine, engine.well) as (model, server):
        server.script = early
        with pytest.raises(EngineError):
            await hear(model)
        await still_answers(model, server, engine)


def _unchunked(body: bytes) -> bytes:
    """Return the pieces of a chunked body of which the last may be cut."""
    pieces: list[bytes] = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        pieces.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]
    return b"".join(pieces)


@pytest.mark.parametrize("is_begun", [False, True])
async def test_hanging_meets_the_deadline_and_the_engine_is_left(engine: BadEngine, is_begun: bool):
    async with running(engine, engine.well) as (model, server):
        server.script = lambda r: cut_stream(engine.well(r), "hang") if is_begun else HANGS
        with pytest.raises(DeadlineError):
            await hear(model, within_s=0.2)
        with anyio.fail_after(5):
            await server.is_left.wait()
        await still_answers(model, server, engine)


async def test_usage_that_cannot_be_true_is_counted_by_us(engine: BadEngine):
    for boast in engine.boasts:
        async with running(engine, boast) as (model, _):
            chunks = await hear(model)
            assert text_of(chunks) == SAID
            usage = chunks[-1].usage
            assert usage is not None
            assert 1 <= usage.prompt_tokens <= 4
            assert len(SAID) / 8 <= usage.completion_tokens <= len(SAID)


async def test_an_older_version_still_answers(engine: BadEngine):
    async with running(engine, engine.old) as (model, _):
        assert text_of(await hear(model)) == SAID


@pytest.mark.parametrize("fault", [*SENSELESS, BUSY], ids=lambda fault: repr(fault.raw[:24]))
async def test_a_start_that_fails_can_be_tried_again(engine: BadEngine, fault: Reply):
    async with serving(lambda _: fault) as server:
        model = engine.make(server.url)
        with pytest.raises((EngineError, OverloadedError, SettingsError)):
            await model.start()
        server.script = engine.well
        await model.start()
        assert text_of(await hear(model)) == SAID
        await model.stop()


async def test_no_byte_out_of_place_does_more_than_fail(engine: BadEngine):
    rng = random.Random(7)

    def scrambled(received: Received) -> Reply:
        raw = bytearray(engine.well(received).raw)
        for _ in range(rng.randint(1, 4)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        return Reply(bytes(raw), "close")

    async with running(engine, engine.well) as (model, server):
        server.script = scrambled
        for _ in range(MUTATIONS):
            try:
                await hear(model)
            except ModelnetError:
                continue
        await still_answers(model, server, engine)


async def test_two_at_once_fail_apart(engine: BadEngine):
    async with running(engine, engine.well) as (model, server):
        fates = iter([True, False])

        def one_of_two(received: Received) -> Reply:
            reply = engine.well(received)
            return cut(reply) if reply.is_stream and next(fates) else reply

        server.script = one_of_two
        outcomes: list[str] = []

        async def ask() -> None:
            try:
                outcomes.append(text_of(await hear(model)))
            except EngineError:
                outcomes.append("failed")

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            group.start_soon(ask)
        assert sorted(outcomes) == sorted(["failed", SAID])


class Network:
    """Two nodes that serve the same model: one from the engine under test, one that never fails.

    Their clock stands still unless moved: so a model that rests does so until then.
    """

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._hub = MemoryHub(seed=7)
        self.now = time.time()

    async def join(self, number: int, *models: Model) -> Node:
        key = NodeKey.from_seed(bytes([number]) * 32)
        network = MemoryNetwork(self._hub, Envelope(key, self.clock), self.clock)
        node = Node(
            Settings(name=f"node{number}", exams=False),
            models=models,
            network=network,
            key=key,
            with_http=False,
            clock=self.clock,
            rng=random.Random(number),
        )
        return await self._stack.enter_async_context(node)

    def clock(self) -> float:
        return self.now

    async def ask(self, node: Node, name: str) -> tuple[str, list[NodeId]]:
        """Return the answer and who gave it."""
        text, nodes = "", []
        asked = Task(id=new_request_id(), request=TELL, models=(name,), deadline=self.now + 60)
        async with aclosing(node.answer(asked)) as steps:
            async for step in steps:
                if isinstance(step, Contribution):
                    nodes.append(step.node)
                else:
                    text += step.text
        return text, nodes


FAULTS: dict[str, Script] = {
    "fails": lambda _: FAILS,
    "gone": lambda _: GONE,
    "busy": lambda _: BUSY,
    "garbage": lambda _: NO_HTTP,
    "vanishes": lambda _: VANISHES,
    "hangs": lambda _: HANGS,
}


@pytest.mark.parametrize("fault", [*FAULTS, "breaks off", "falls silent"])
async def test_the_network_finishes_the_answer_and_learns(
    engine: BadEngine, fault: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("modelnet.interaction.strategy.pool.STALL_S", 0.3)
    in_the_middle: dict[str, Script] = {
        "breaks off": lambda received: cut_stream(engine.well(received)),
        "falls silent": lambda received: cut_stream(engine.well(received), "hang"),
    }
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(engine.well))
        network = Network(stack)
        dear = msgspec.structs.replace(scripted_card(NAME), price=Price(100.0, 100.0))
        good = await network.join(2, ScriptedModel(lambda _: SAID, card=dear))
        bad = await network.join(1, engine.make(server.url))
        with anyio.fail_after(10):
            await bad.wait_until(lambda directory: len(directory.offers) == 2)
        # It is free, and so the one to ask.
        assert await network.ask(bad, NAME) == (SAID, [bad.id])

        server.script = (FAULTS | in_the_middle)[fault]
        text, nodes = await network.ask(bad, NAME)
        assert text == SAID
        assert nodes == ([bad.id, good.id] if fault in in_the_middle else [good.id])

        heard = len(server.received)
        server.script = engine.well
        assert await network.ask(bad, NAME) == (SAID, [good.id])
        assert len(server.received) == heard
        # It has rested, and is tried again.
        network.now += 60
        assert await network.ask(bad, NAME) == (SAID, [bad.id])
