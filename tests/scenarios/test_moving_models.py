"""Models that move between nodes: whom to believe, who may, and who steps in. On virtual time."""

import hashlib
import resource
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import anyio
import msgspec
import pytest

from modelnet.application.node import Node
from modelnet.core.card import ModelCard
from modelnet.core.error import (
    MalformedError,
    ModelnetError,
    OverloadedError,
    PeerLostError,
    StorageError,
    UnknownModelError,
    UnsupportedError,
)
from modelnet.interaction.transfer import Pulled
from modelnet.resource.backend.scripted import Pace, ScriptedModel, scripted_card
from modelnet.resource.copy.asking import ask_for_one
from modelnet.resource.copy.call import PiecesCall, Progress
from modelnet.resource.copy.file import ModelFile
from modelnet.resource.copy.store import Copy
from modelnet.testbed.virtual_time import EPOCH
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio

MIB = 1 << 20
LATE = EPOCH + 1e6
CONTENT = b"".join(hashlib.sha256(bytes([n])).digest() * (MIB // 32) for n in range(12)) + b"end"
FREE = msgspec.structs.replace(scripted_card("tale"), licence="Apache-2.0")


class FileTeller(ScriptedModel):
    """A scripted model that claims to be made of a file."""

    def __init__(self, path: Path, card: ModelCard = FREE, may_copy: bool | None = None) -> None:
        super().__init__(lambda _: "a tale", card=card, pace=Pace(0.05, 50.0))
        self.file = ModelFile(path=path, form="gguf", may_copy=may_copy)


class Keeper(Node):
    """A node that serves a copy by a script instead of an engine."""

    async def serve_copy(self, copy: Copy) -> ModelCard:
        assert copy.path.read_bytes() == CONTENT
        return await self.serve(FileTeller(copy.path, copy.card))


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "tale.gguf"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def join(world: World, tmp_path: Path) -> Callable:
    """Let a node join that keeps copies in a folder of its own."""

    async def start(name: str, *models, **settings) -> Keeper:
        told = {"data_dir": tmp_path / name, **settings}
        return await world.node(name, *models, kind=Keeper, settings=told)

    return start


async def until(node: Node, is_reached: Callable) -> None:
    with anyio.fail_after(60):
        await node.wait_until(is_reached)


def serves(name: str, *, count: int = 1) -> Callable:
    """Whether so many nodes offer a model whose file is known."""
    return lambda directory: (
        len([o for o in directory.offers if o.card.name == name and o.card.artifact]) == count
    )


async def moved(steps: AsyncGenerator[Progress | Pulled, None]) -> Pulled:
    async with aclosing(steps):
        return [step async for step in steps][-1]


def tamper(node: Node, change: Callable[[PiecesCall, int, bytes], bytes]) -> list[PiecesCall]:
    """Have a node change the pieces it sends; returns the calls it gets."""
    calls: list[PiecesCall] = []
    honest = node.parts.mover.handle

    class Liar:
        async def handle(self, call, incoming):
            number = 0
            if isinstance(call, PiecesCall):
                calls.append(call)
            async for piece in honest(call, incoming):
                is_piece = isinstance(call, PiecesCall)
                yield change(call, number, piece) if is_piece else piece
                number += 1

    node.parts.host.hand_on(Liar())
    return calls


async def test_a_model_is_fetched_from_two_nodes_and_served(world: World, join, content):
    first, second = await join("a", FileTeller(content)), await join("b", FileTeller(content))
    asked = [tamper(node, lambda _c, _n, piece: piece) for node in (first, second)]
    taker = await join("taker")
    await until(taker, serves("tale", count=2))
    pulled = await moved(taker.parts.mover.pull("tale"))
    assert pulled.size_bytes == len(CONTENT)
    assert pulled.is_served
    assert all(asked)
    assert [card.name for card in taker.cards] == ["tale"]
    await until(first, serves("tale", count=3))
    assert (await listen(first, task("tell", "tale@taker"))).text == "a tale"


async def test_a_node_that_sends_a_wrong_byte_is_dropped_and_the_file_still_comes(
    world: World, join, content
):
    liar, honest = await join("liar", FileTeller(content)), await join("b", FileTeller(content))
    lies = tamper(liar, lambda _c, _n, piece: b"\0" + piece[1:])
    taker = await join("taker")
    await until(taker, serves("tale", count=2))
    await moved(taker.parts.mover.pull("tale", is_to_be_served=False))
    assert len(lies) == 1
    await join("c", FileTeller(content))
    again = await join("again")
    await until(again, serves("tale", count=3))
    assert taker.parts.mover.copies
    # It is remembered: the same node asks the liar for nothing more.
    around = taker.parts.mover._around
    assert liar.id not in around.candidates(pulled_digest(taker), None)
    assert honest.id in around.candidates(pulled_digest(taker), None)


def pulled_digest(node: Node) -> str:
    return next(iter(node.parts.mover.copies))


@pytest.mark.parametrize("change", ["short", "long", "more", "fewer"])
async def test_pieces_that_are_none_are_no_more_believed(world: World, join, content, change):
    liar = await join("liar", FileTeller(content))
    changes = {"short": lambda piece: piece[:-1], "long": lambda piece: piece + b"!"}
    honest = liar.parts.mover.handle

    class Liar:
        async def handle(self, call, incoming):
            pieces = [piece async for piece in honest(call, incoming)]
            if isinstance(call, PiecesCall):
                pieces = {"more": [*pieces, b"?"], "fewer": pieces[:-1]}.get(
                    change, [changes.get(change, bytes)(piece) for piece in pieces]
                )
            for piece in pieces:
                yield piece

    liar.parts.host.hand_on(Liar())
    taker = await join("taker")
    await until(taker, serves("tale"))
    with pytest.raises(PeerLostError, match="what came is kept"):
        await moved(taker.parts.mover.pull("tale"))
    assert not taker.cards


async def test_a_node_that_dies_in_the_middle_is_stood_in_for(world: World, join, content):
    dying, other = await join("a", FileTeller(content)), await join("b", FileTeller(content))
    taker = await join("taker")
    await until(taker, serves("tale", count=2))

    def die(call: PiecesCall, number: int, piece: bytes) -> bytes:
        if number == 1:
            world.hub.crash(dying.id)
        return piece

    tamper(dying, die)
    pulled = await moved(taker.parts.mover.pull("tale"))
    assert pulled.is_served
    assert other.id in {offer.node for offer in taker.offers()}


async def test_a_pull_goes_on_where_it_was_cut_off(world: World, join, content, tmp_path):
    giver = await join("a", FileTeller(content))
    first_calls = tamper(giver, lambda _c, _n, piece: piece)
    taker = await join("taker")
    await until(taker, serves("tale"))
    async with aclosing(taker.parts.mover.pull("tale")) as steps:
        async for step in steps:
            if isinstance(step, Progress) and step.done_bytes >= 4 * MIB:
                break
    before = sum(call.count for call in first_calls)
    await anyio.sleep(1)
    first_calls.clear()
    await moved(taker.parts.mover.pull("tale"))
    after = sum(call.count for call in first_calls)
    assert 0 < after <= 13 - 4
    assert before + after <= 13 + 8


async def test_a_busy_node_is_asked_again(world: World, join, content):
    giver = await join("giver", FileTeller(content))
    honest, refused = giver.parts.mover.handle, []

    class Busy:
        async def handle(self, call, incoming):
            if isinstance(call, PiecesCall) and len(refused) < 5:
                refused.append(call)
                raise OverloadedError("Busy.", retry_after_s=2.0)
            async for piece in honest(call, incoming):
                yield piece

    giver.parts.host.hand_on(Busy())
    taker = await join("taker")
    await until(taker, serves("tale"))
    began = anyio.current_time()
    assert (await moved(taker.parts.mover.pull("tale"))).is_served
    assert len(refused) == 5
    assert anyio.current_time() - began == pytest.approx(10.0)


@pytest.mark.parametrize("pieces", [[], [b"?"], [b"?", b"?"]])
async def test_a_manifest_that_is_none_is_not_believed(world: World, join, content, pieces):
    liar = await join("liar", FileTeller(content))

    class Liar:
        async def handle(self, _call, _incoming):
            for piece in pieces:
                yield piece

    liar.parts.host.hand_on(Liar())
    taker = await join("taker")
    await until(taker, serves("tale"))
    with pytest.raises(MalformedError):
        await moved(taker.parts.mover.pull("tale"))
    await join("honest", FileTeller(content))
    await until(taker, serves("tale", count=2))
    assert (await moved(taker.parts.mover.pull("tale"))).is_served


async def test_a_disk_that_cannot_be_written_midway_is_named(world: World, join, content):
    giver = await join("giver", FileTeller(content))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(call: PiecesCall, number: int, piece: bytes) -> bytes:
        if call.first + number == 6:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5 * MIB, hard))
        return piece

    tamper(giver, fill)
    taker = await join("taker")
    await until(taker, serves("tale"))
    try:
        with pytest.raises(StorageError, match="free some space"):
            await moved(taker.parts.mover.pull("tale"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    giver.parts.host.hand_on(giver.parts.mover)
    assert (await moved(taker.parts.mover.pull("tale"))).is_served


async def test_two_who_want_a_model_at_once_share_one_transfer(world: World, join, content):
    giver = await join("a", FileTeller(content))
    calls = tamper(giver, lambda _c, _n, piece: piece)
    taker = await join("taker")
    await until(taker, serves("tale"))
    results: list[Pulled] = []

    async def pull() -> None:
        results.append(await moved(taker.parts.mover.pull("tale")))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pull)
        tasks.start_soon(pull)
    assert len(results) == 2
    assert sum(call.count for call in calls) == 13


async def test_a_slow_node_does_not_hold_up_the_end(world: World, join, content):
    slow, fast = await join("slow", FileTeller(content)), await join("fast", FileTeller(content))
    honest = slow.parts.mover.handle

    class Slow:
        async def handle(self, call, incoming):
            async for piece in honest(call, incoming):
                await anyio.sleep(300.0 if isinstance(call, PiecesCall) else 0.0)
                yield piece

    slow.parts.host.hand_on(Slow())
    taker = await join("taker")
    await until(taker, serves("tale", count=2))
    with anyio.fail_after(30):
        await moved(taker.parts.mover.pull("tale"))
    assert fast.id in {offer.node for offer in taker.offers()}


@pytest.mark.parametrize(
    ("licence", "word", "told"),
    [
        ("Apache-2.0", False, "does not permit copies"),
        (None, None, "does not permit copies"),
        ("proprietary", None, "does not permit copies"),
    ],
)
async def test_what_must_not_be_copied_is_not(world: World, join, content, licence, word, told):
    card = msgspec.structs.replace(FREE, licence=licence)
    owner = await join("owner", FileTeller(content, card, word))
    taker = await join("taker", accept_models=(owner.id,))
    await until(taker, serves("tale"))
    with pytest.raises(UnsupportedError, match=told):
        await moved(taker.parts.mover.pull("tale"))
    with pytest.raises(UnsupportedError, match=told):
        await moved(owner.parts.mover.deploy("tale", "taker"))
    digest = taker.offers()[0].card.artifact.digest
    # Not even to one that does not ask whether it may.
    ask = ask_for_one(taker.parts.network, owner.id, PiecesCall(digest, 0, 1), deadline=LATE)
    with pytest.raises(UnknownModelError):
        await ask


async def test_a_model_without_a_file_cannot_be_pulled(world: World, join):
    await join("a", ScriptedModel(card=FREE))
    taker = await join("taker")
    await until(taker, lambda directory: bool(directory.offers))
    with pytest.raises(UnsupportedError, match="not a file"):
        await moved(taker.parts.mover.pull("tale"))
    with pytest.raises(UnknownModelError):
        await moved(taker.parts.mover.pull("nonsense"))


async def test_a_deploy_needs_the_other_owner_s_leave(world: World, join, content):
    giver = await join("giver", FileTeller(content))
    taker = await join("taker")
    await until(taker, serves("tale"))
    await until(giver, lambda directory: len(directory.entries) == 2)
    with pytest.raises(UnsupportedError, match="accept_models"):
        await moved(giver.parts.mover.deploy("tale", "taker"))
    assert not taker.cards


async def test_a_deploy_with_leave_is_served(world: World, join, content):
    giver = await join("giver", FileTeller(content))
    taker = await join("taker", accept_models=(giver.id,))
    await until(taker, serves("tale"))
    await until(giver, lambda directory: len(directory.entries) == 2)
    pulled = await moved(giver.parts.mover.deploy("tale", "taker"))
    assert pulled.is_served
    assert [card.name for card in taker.cards] == ["tale"]


async def test_a_licence_nobody_knows_is_for_a_person_to_judge(world: World, join, content):
    card = msgspec.structs.replace(FREE, licence="house-rules")
    giver = await join("giver", FileTeller(content, card, may_copy=True))
    taker = await join("taker", accept_models=(giver.id,))
    await until(taker, serves("tale"))
    await until(giver, lambda directory: len(directory.entries) == 2)
    with pytest.raises(UnsupportedError, match="pull it by hand"):
        await moved(giver.parts.mover.deploy("tale", "taker"))
    assert (await moved(taker.parts.mover.pull("tale"))).is_served


async def test_what_does_not_fit_is_refused(world: World, join, content):
    await join("giver", FileTeller(content))
    taker = await join("taker", copies_gb=0.001)
    await until(taker, serves("tale"))
    with pytest.raises(StorageError, match="copies_gb"):
        await moved(taker.parts.mover.pull("tale"))


async def test_the_last_node_that_serves_a_wanted_model_leaves_and_another_takes_over(
    world: World, join, content
):
    server = await join("server", FileTeller(content))
    heir = await join("heir", take_over=True)
    watcher = await join("watcher")
    for node in (heir, watcher):
        await until(node, serves("tale"))
    assert (await listen(watcher, task("tell", "tale"))).text == "a tale"
    # Asked for, and on one node only: the heir fetches a copy while it can.
    await until(watcher, lambda directory: bool(directory.entries[heir.id].copies))
    assert not heir.cards
    world.hub.crash(server.id)
    heard = await listen(watcher, task("tell", "tale"))
    assert heard.text == "a tale"
    assert [one.node for one in heard.contributions] == [heir.id]


async def test_without_permission_nobody_takes_over(world: World, join, content):
    server = await join("server", FileTeller(content))
    other = await join("other")
    await until(other, serves("tale"))
    await listen(other, task("tell", "tale"))
    await moved(other.parts.mover.pull("tale", is_to_be_served=False))
    world.hub.crash(server.id)
    await anyio.sleep(120)
    assert not other.cards
    with pytest.raises(ModelnetError):
        await listen(other, task("tell", "tale"))


async def test_what_nobody_asks_for_is_not_taken_over(world: World, join, content):
    server = await join("server", FileTeller(content))
    heir = await join("heir", take_over=True)
    await until(heir, serves("tale"))
    await moved(heir.parts.mover.pull("tale", is_to_be_served=False))
    world.hub.crash(server.id)
    await anyio.sleep(120)
    assert not heir.cards


async def test_one_of_several_heirs_takes_over(world: World, join, content):
    server = await join("server", FileTeller(content))
    heirs = [await join(f"heir{n}", take_over=True) for n in range(3)]
    asker = await join("asker")
    for node in (*heirs, asker):
        await until(node, serves("tale"))
    await listen(asker, task("tell", "tale"))
    await anyio.sleep(30)
    assert sum(bool(heir.parts.mover.copies) for heir in heirs) == 1
    world.hub.crash(server.id)
    await anyio.sleep(30)
    assert sum(bool(heir.cards) for heir in heirs) == 1
