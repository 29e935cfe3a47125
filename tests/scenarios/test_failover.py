"""An answer that has started is finished: deaths, stalls, refusals and lies on virtual time."""

import anyio
import msgspec
import pytest

from modelnet.core.card import ModelCard
from modelnet.core.error import (
    DeadlineError,
    EngineError,
    NoModelError,
    OverloadedError,
    PeerLostError,
    UnknownModelError,
    UnsupportedError,
)
from modelnet.core.request import Chat, Message, Sampling
from modelnet.interaction.strategy.pool import STALL_S
from modelnet.interaction.strategy.relay import RETURN_S
from modelnet.resource.backend.scripted import (
    BreaksOff,
    Dies,
    Hangs,
    Pace,
    Refuses,
    ScriptedModel,
    scripted_card,
)
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.conftest import Heard, World, listen, task

pytestmark = pytest.mark.anyio

STORY = " ".join(f"word{number}" for number in range(40))
PACE = Pace(first_token_s=0.1, tokens_per_s=20)


def teller(name: str = "teller", **options) -> ScriptedModel:
    options.setdefault("pace", PACE)
    return ScriptedModel({"story": STORY}, card=scripted_card(name), **options)


@pytest.mark.parametrize("dies_after", [1, 2, 7, 20, 39])
async def test_a_death_in_the_middle_is_not_seen_by_the_asker(world: World, dies_after):
    asker = await world.node("asker")
    for name in ("b", "c"):
        await world.node(name, teller())
    await world.offers(asker, 2)

    def crash(heard: Heard) -> None:
        if len(heard.chunks) == dies_after:
            world.hub.crash(heard.contributions[-1].node)

    heard = await listen(asker, task("story"), on_chunk=crash)
    assert heard.text == STORY
    assert len(heard.contributions) == 2
    assert heard.contributions[0].node != heard.contributions[1].node
    assert heard.contributions[1].because.startswith("took over after peer_lost")
    assert [chunk for chunk in heard.chunks if chunk.finish] == heard.chunks[-1:]


async def test_every_node_may_die_but_the_last(world: World):
    asker = await world.node("asker")
    for name in "bcdef":
        await world.node(name, teller())
    await world.offers(asker, 5)

    def crash(heard: Heard) -> None:
        if len(heard.contributions) < 5 and len(heard.chunks) % 6 == 0:
            world.hub.crash(heard.contributions[-1].node)

    heard = await listen(asker, task("story"), on_chunk=crash)
    assert heard.text == STORY
    assert len(heard.contributions) == 5


@pytest.mark.parametrize("failure", [Dies(5), BreaksOff(5), Hangs(5), Refuses(1.0)])
async def test_a_failing_engine_is_replaced(world: World, failure):
    asker = await world.node("asker")
    await world.node("bad", teller("bad", failure=failure))
    await world.node("good", teller("good"))
    await world.offers(asker, 2)
    heard = await listen(asker, task("story", "bad", "good"))
    gave_nothing = isinstance(failure, Refuses)
    assert heard.models == (["good"] if gave_nothing else ["bad", "good"])
    assert heard.text == STORY


async def test_a_hanging_engine_is_given_up_after_the_stall_time(world: World):
    asker = await world.node("asker")
    await world.node("bad", teller("bad", failure=Hangs(3)))
    await world.node("good", teller("good"))
    await world.offers(asker, 2)
    began = virtual_clock()
    await listen(asker, task("story", "bad", "good"))
    assert STALL_S < virtual_clock() - began < STALL_S + 10


async def test_a_chain_is_tried_in_order(world: World):
    asker = await world.node("asker", teller("first"), teller("second"))
    assert (await listen(asker, task("story", "second", "first"))).models == ["second"]
    assert (await listen(asker, task("story", "absent", "first"))).models == ["first"]


async def test_a_model_of_one_node_can_be_named(world: World):
    asker = await world.node("asker", teller())
    other = await world.node("other", teller())
    await world.offers(asker, 2)
    heard = await listen(asker, task("story", "teller@other"))
    assert heard.contributions[0].node == other.id


async def test_an_unknown_model_is_refused_at_once(world: World):
    asker = await world.node("asker", teller("teller"))
    began = virtual_clock()
    with pytest.raises(UnknownModelError, match="teller"):
        await listen(asker, task("story", "tella"))
    assert virtual_clock() == began


async def test_a_network_without_models_says_so(world: World):
    asker = await world.node("asker")
    with pytest.raises(NoModelError, match="modelnet up"):
        await listen(asker, task("story"))


async def test_a_death_with_nobody_left_is_told_after_a_little_waiting(world: World):
    asker = await world.node("asker")
    only = await world.node("only", teller())
    await world.offers(asker, 1)
    began = virtual_clock()
    with pytest.raises(PeerLostError):
        await listen(
            asker,
            task("story"),
            on_chunk=lambda heard: world.hub.crash(only.id) if len(heard.chunks) == 3 else None,
        )
    assert RETURN_S <= virtual_clock() - began < RETURN_S + 2


async def test_a_model_that_appears_while_everyone_is_gone_carries_on(world: World):
    asker = await world.node("asker")
    only = await world.node("only", teller())
    late = await world.node("late")
    await world.offers(asker, 1)
    heard: list[Heard] = []

    async def ask() -> None:
        heard.append(
            await listen(
                asker,
                task("story"),
                on_chunk=lambda so_far: (
                    world.hub.crash(only.id) if len(so_far.chunks) == 3 else None
                ),
            )
        )

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.sleep(2)
        await late.serve(teller())
    assert heard[0].text == STORY


async def test_the_deadline_ends_an_answer(world: World):
    asker = await world.node("asker")
    await world.node("slow", teller())
    await world.offers(asker, 1)
    with pytest.raises(DeadlineError):
        await listen(asker, task("story", within_s=0.5))


async def test_overload_of_everyone_is_refused_early_with_a_time(world: World):
    asker = await world.node("asker", teller(failure=Refuses(3.0)))
    began = virtual_clock()
    with pytest.raises(OverloadedError) as caught:
        await listen(asker, task("story"))
    assert caught.value.retry_after_s == 3.0
    assert virtual_clock() - began < 1


async def test_a_fault_of_the_engine_without_replacement_is_told(world: World):
    asker = await world.node("asker", teller(failure=Dies(0)))
    with pytest.raises(EngineError):
        await listen(asker, task("story"))


async def test_max_tokens_hold_across_a_takeover(world: World):
    asker = await world.node("asker")
    for name in ("b", "c"):
        await world.node(name, teller())
    await world.offers(asker, 2)
    request = Chat((Message("user", "story"),), Sampling(max_tokens=10))

    def crash(heard: Heard) -> None:
        if len(heard.chunks) == 4:
            world.hub.crash(heard.contributions[-1].node)

    heard = await listen(asker, task(request), on_chunk=crash)
    assert heard.chunks[-1].finish == "length"
    assert heard.chunks[-1].usage is not None
    assert heard.chunks[-1].usage.completion_tokens == 10
    assert STORY.startswith(heard.text)


async def test_a_model_that_cannot_go_on_is_not_asked_to(world: World):
    card: ModelCard = msgspec.structs.replace(scripted_card("fresh"), can_continue=False)
    asker = await world.node("asker")
    await world.node("bad", teller("bad", failure=Dies(3)))
    await world.node("fresh", ScriptedModel({"story": STORY}, card=card))
    await world.offers(asker, 2)
    with pytest.raises((EngineError, UnsupportedError)):
        await listen(asker, task("story", "bad", "fresh"))


async def test_leaving_the_answer_stops_the_work_far_away(world: World):
    asker = await world.node("asker")
    worker = await world.node("worker", teller())
    await world.offers(asker, 1)
    async with anyio.create_task_group() as group:
        group.start_soon(listen, asker, task("story"))
        await anyio.sleep(0.5)
        assert worker.parts.host.load.models["teller"].running == 1
        group.cancel_scope.cancel()
    await anyio.sleep(0.2)
    assert worker.parts.host.load.models["teller"].running == 0


async def test_load_is_spread_over_replicas(world: World):
    asker = await world.node("asker")
    nodes = [await world.node(name, teller()) for name in "bcd"]
    await world.offers(asker, 3)
    heard: list[Heard] = []

    async def ask() -> None:
        heard.append(await listen(asker, task("story")))

    async with anyio.create_task_group() as group:
        for _ in range(48):
            group.start_soon(ask)
    used = [contribution.node for answer in heard for contribution in answer.contributions]
    assert all(12 <= used.count(node.id) <= 20 for node in nodes)
