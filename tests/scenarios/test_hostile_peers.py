"""What peers and models must not be able to do: end a node, an answer or an exam of others."""

import math

import anyio
import pytest

from modelnet.core.chunk import Chunk, ToolCall, Usage
from modelnet.core.error import (
    AuthenticationError,
    EngineError,
    InvalidRequestError,
    ModelnetError,
    OverloadedError,
    SettingsError,
    StorageError,
    UnknownModelError,
)
from modelnet.core.request import Chat, Message, Sampling
from modelnet.core.standing import Standing, Tally
from modelnet.interaction.examiner import ANSWER_S, SILENCES
from modelnet.interaction.strategy.relay import RETURN_S
from modelnet.resource.backend.scripted import Pace, ScriptedModel, scripted_card
from modelnet.resource.message import encode
from modelnet.testbed.virtual_time import virtual_clock
from modelnet.transport.frame import End
from modelnet.transport.serving import Server
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio

STORY = " ".join(f"word{number}" for number in range(40))
NOT_UTF8 = b"\x81\xa6models\x81\xa1\xff\x93\x00\x00\x01"


def teller(name: str = "teller") -> ScriptedModel:
    pace = Pace(first_token_s=0.1, tokens_per_s=20)
    return ScriptedModel({"story": STORY}, card=scripted_card(name), pace=pace)


class Odd:
    """A model written by somebody else: says what it is told, then fails, hangs or ends."""

    def __init__(self, name, *said, error=None, hangs=False):
        self._card = scripted_card(name)
        self._said, self._error, self._hangs = said, error, hangs
        self.asked = 0

    @property
    def card(self):
        return self._card

    async def start(self):
        pass

    async def stop(self):
        pass

    async def run(self, _, *, deadline):
        self.asked += 1
        for chunk in self._said:
            yield chunk
        if self._hangs:
            await anyio.sleep(max(0.0, deadline - virtual_clock()))
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize("topic", ["load", "card", "standing"])
async def test_text_that_is_no_text_does_not_end_a_node(world: World, topic):
    a = await world.node("a", teller())
    b = await world.node("b", teller())
    await world.offers(a, 2)
    await b.parts.network.announce(topic, NOT_UTF8 if topic == "load" else b'{"name":"\xff"}')
    await anyio.sleep(1)
    assert (await listen(a, task("story"))).text == STORY


@pytest.mark.parametrize(
    "tally", [Tally(math.nan, math.nan), Tally(2.0, 1.0), Tally(0.0, math.inf)]
)
async def test_a_tally_no_exam_can_have_is_not_shown(world: World, tally):
    a = await world.node("a", teller())
    b = await world.node("b")
    report = Standing(
        examiner=b.id,
        node=a.id,
        model="teller",
        skills={"text": tally},
        latency_s=1.0,
        tokens_per_answer=1.0,
        measured_at=virtual_clock(),
    )
    await b.parts.network.announce("standing", encode((report,)))
    await anyio.sleep(1)
    assert not a.offers()[0].skills


async def test_a_model_that_raises_anything_does_not_end_its_node(world: World):
    odd = Odd("odd", error=ValueError("a bug"))
    a = await world.node("a", odd, exams=True)
    await anyio.sleep(5)
    assert odd.asked == SILENCES
    with pytest.raises(EngineError, match="odd failed"):
        await listen(a, task("story"))


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequestError("bad"),
        ModelnetError("bug"),
        AuthenticationError("no key"),
        StorageError("disk full"),
        ValueError("bug"),
    ],
)
async def test_whatever_a_peer_says_of_its_failure_the_answer_goes_on(world: World, error):
    a = await world.node("a")
    await world.node("b", Odd("bad", Chunk(text=STORY[:5]), error=error))
    await world.node("c", teller("good"))
    await world.offers(a, 2)
    assert (await listen(a, task("story", "bad", "good"))).text == STORY


@pytest.mark.parametrize("error", [AuthenticationError("no key"), StorageError("disk full")])
async def test_a_peer_cannot_blame_the_asker_s_key_or_disk(world: World, error):
    a = await world.node("a")
    await world.node("b", Odd("bad", error=error))
    await world.offers(a, 1)
    with pytest.raises(EngineError, match=error.message):
        await listen(a, task("story"))


async def test_a_request_a_model_of_this_node_calls_invalid_is_not_asked_around(world: World):
    other = teller("good")
    a = await world.node("a", Odd("bad", error=InvalidRequestError("bad")), other)
    with pytest.raises(InvalidRequestError):
        await listen(a, task("story", "bad", "good"))


async def test_a_forged_end_is_no_end(world: World, monkeypatch):
    a = await world.node("a")
    await world.node("b", teller())
    await world.offers(a, 1)

    async def finish(_, answer, opened):
        await answer.finish(End(opened.id, b"forged"))

    monkeypatch.setattr(Server, "_finish", finish)
    finishes = set()
    with pytest.raises(ModelnetError):
        await listen(a, task("story"), on_chunk=lambda heard: finishes.add(heard.chunks[-1].finish))
    assert finishes == {None}


async def test_a_peer_that_is_always_full_is_not_asked_for_ever(world: World):
    a = await world.node("a")
    b = await world.node("b", Odd("first", Chunk(text=STORY[:5]), hangs=True))
    full = Odd("full", error=OverloadedError("full", retry_after_s=0.0))
    await world.node("c", full)
    await world.offers(a, 2)
    began = virtual_clock()
    with pytest.raises(OverloadedError):
        await listen(a, task("story", "first", "full"), on_chunk=lambda _: world.hub.crash(b.id))
    assert full.asked < 10
    assert virtual_clock() - began < 3 * RETURN_S


async def test_a_peer_that_boasts_of_tokens_does_not_cut_the_answer(world: World):
    a = await world.node("a")
    await world.node(
        "b", Odd("boasts", Chunk(text=STORY[:5], n_tokens=10**9), error=EngineError("x"))
    )
    await world.node("c", teller("good"))
    await world.offers(a, 2)
    asked = Chat((Message("user", "story"),), Sampling(max_tokens=1000))
    assert (await listen(a, task(asked, "boasts", "good"))).text == STORY


async def test_a_tool_call_that_was_seen_is_not_begun_again(world: World):
    call = ToolCall("1", "look", "{}")
    calls = Odd("calls", Chunk(tool_calls=(call,)), error=EngineError("died"))
    a = await world.node("a", calls, teller("good"))
    with pytest.raises(EngineError, match="died"):
        await listen(a, task("story", "calls", "good"))


async def test_silent_models_do_not_keep_others_from_their_exam(world: World):
    a = await world.node("a", exams=True)
    await world.node("b", *(Odd(f"silent{number}", hangs=True) for number in range(4)))
    good = Odd("good", Chunk(text="x", finish="stop", usage=Usage(1, 1)))
    await world.node("c", good)
    began = virtual_clock()
    with anyio.fail_after(3600):
        while not good.asked:
            await a.parts.watcher.wait()
    assert virtual_clock() - began < 5 * SILENCES * ANSWER_S


async def test_two_models_of_one_name_are_refused(world: World):
    with pytest.raises(SettingsError, match="same"):
        await world.node("a", teller("same"), Odd("same"))


async def test_a_model_that_cannot_be_announced_leaves_the_others(world: World):
    a = await world.node("a", teller())
    with pytest.raises(SettingsError):
        await a.serve(Odd(""))
    await a.serve(teller("later"))
    assert {card.name for card in a.cards} == {"teller", "later"}


async def test_what_is_not_served_cannot_be_withdrawn(world: World):
    a = await world.node("a")
    with pytest.raises(UnknownModelError):
        await a.withdraw("nothing")
