"""What goes wrong between nodes gives one clear error, and everyone goes on serving."""

import anyio
import msgspec
import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import (
    EngineError,
    InvalidRequestError,
    StaleError,
    UnknownModelError,
    UnsupportedError,
)
from modelnet.core.request import Chat, Embed, ImagePart, ImageUrl, Message, TextPart
from modelnet.resource.backend.scripted import ScriptedModel, scripted_card
from modelnet.resource.message import ModelCall, encode
from modelnet.resource.remote import RemoteModel
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio


async def still_serves(node) -> None:
    assert (await listen(node, task("hello"))).text == "hello"


@pytest.mark.parametrize("ahead_s", [600.0, -600.0])
async def test_a_clock_ten_minutes_off_is_named(world: World, ahead_s):
    server = await world.node("server", ScriptedModel())
    odd = await world.node("odd", ahead_s=ahead_s)
    await world.offers(odd, 1)
    asked = task("hello")
    asked = msgspec.structs.replace(asked, deadline=virtual_clock() + ahead_s + 60)
    with pytest.raises(StaleError, match=r"600 s .*NTP"):
        await listen(odd, asked)
    await still_serves(server)


async def test_an_image_for_a_text_model_is_refused(world: World):
    node = await world.node("node", ScriptedModel())
    picture = (TextPart("what is this?"), ImagePart(ImageUrl("data:image/png;base64,AA")))
    with pytest.raises(UnsupportedError, match="image"):
        await listen(node, task(Chat((Message("user", picture),))))
    await still_serves(node)


async def test_an_operation_that_nobody_has_is_refused(world: World):
    card = msgspec.structs.replace(scripted_card(), operations=("chat",))
    node = await world.node("node", ScriptedModel(card=card))
    with pytest.raises(UnsupportedError, match="embed"):
        await listen(node, task(Embed(("text",))))
    await still_serves(node)


async def ask_raw(asker, server, body: bytes) -> list[bytes]:
    network = asker.parts.network
    return [piece async for piece in network.ask(server.id, body, deadline=virtual_clock() + 5)]


@pytest.mark.parametrize("body", [b"", b"garbage", b"\xff" * 1000, msgspec.msgpack.encode([1, 2])])
async def test_garbage_from_a_peer_is_refused(world: World, body):
    server = await world.node("server", ScriptedModel())
    asker = await world.node("asker")
    await world.offers(asker, 1)
    with pytest.raises(InvalidRequestError, match="model call"):
        await ask_raw(asker, server, body)
    await still_serves(server)


async def test_a_model_that_was_never_here_is_refused(world: World):
    server = await world.node("server", ScriptedModel())
    asker = await world.node("asker")
    await world.offers(asker, 1)
    with pytest.raises(UnknownModelError, match="nonsense"):
        await ask_raw(asker, server, encode(ModelCall("nonsense", Embed(("x",)))))


@pytest.mark.parametrize(
    "pieces",
    [
        [b"not a chunk"],
        [encode(Chunk(text="hel"))],  # The end is missing; another may go on from here.
        [encode(Chunk(finish="stop")), encode(Chunk(text="and more"))],
        [],
    ],
)
async def test_a_node_that_answers_garbage_fails_and_another_carries_on(world: World, pieces):
    asker = await world.node("asker", ScriptedModel(card=scripted_card("good")))
    liar = await world.node("liar", ScriptedModel(card=scripted_card("bad")))

    async def lie(_incoming):
        for piece in pieces:
            yield piece

    liar.parts.network.serve(lie)
    await world.offers(asker, 2)
    offer = next(offer for offer in asker.offers() if not offer.is_local)
    remote = RemoteModel(asker.parts.network, offer.node, offer.card)
    with pytest.raises(EngineError):
        async for _ in remote.run(Chat((Message("user", "hi"),)), deadline=virtual_clock() + 5):
            pass
    await still_serves(asker)


async def test_announced_garbage_is_dropped(world: World):
    asker = await world.node("asker", ScriptedModel())
    vandal = await world.node("vandal")
    for topic in ("card", "load", "standing"):
        await vandal.parts.network.announce(topic, b"\xc1garbage")
    await anyio.sleep(1)
    assert asker.directory.entries[vandal.id].cards == ()
    await still_serves(asker)


async def test_a_model_withdrawn_is_gone_everywhere(world: World):
    server = await world.node("server", ScriptedModel())
    asker = await world.node("asker")
    await world.offers(asker, 1)
    await server.withdraw("scripted")
    await world.offers(asker, 0)
