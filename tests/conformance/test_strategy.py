"""The Strategy seam: every strategy, whatever its members do, over the in-memory network.

A member says its own name, so that it can be told whose answer came.
"""

import math
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import anyio
import pytest

from modelnet.core.error import (
    DeadlineError,
    ModelnetError,
    NoModelError,
    OverloadedError,
    UnsupportedError,
)
from modelnet.core.request import Chat, Embed, Message, Partial, Request, Sampling
from modelnet.core.task import Contribution
from modelnet.interaction.coordinator import strategies
from modelnet.interaction.failure import Failures
from modelnet.interaction.strategy.errand import Errand
from modelnet.resource.backend.scripted import (
    BreaksOff,
    Dies,
    Failure,
    Hangs,
    Pace,
    Refuses,
    ScriptedModel,
)
from modelnet.service.analysis import analyse
from modelnet.service.pathway.outlook import Outlook
from modelnet.testbed.virtual_time import VirtualTimeLoop, virtual_clock
from tests.scenarios.committee import committee, member
from tests.scenarios.conftest import Heard, World, listen, task

pytestmark = pytest.mark.anyio

NAMES = {"single": "auto", "cascade": "cascade", "race": "race"}
"""By what name each is asked for."""

TALE = " ".join(f"word{number}" for number in range(30))
P = {"a": 0.8, "b": 0.7, "c": 0.6}


@pytest.fixture
def anyio_backend():
    return ("asyncio", {"loop_factory": VirtualTimeLoop})


@pytest.fixture
async def world(tmp_path: Path):
    async with AsyncExitStack() as stack:
        yield World(stack, tmp_path)


@pytest.fixture(params=sorted(strategies()))
def name(request: pytest.FixtureRequest) -> str:
    return NAMES[request.param]


def said_by(name: str) -> str:
    return f"{TALE} says {name}"


def members(*failures: Failure | None) -> list[ScriptedModel]:
    """Members `a`, `b`, `c`, each dearer than the next, and what befalls them."""
    made = [
        member(name, said_by(name), price=price, pace=Pace(0.1, 50))
        for name, price in zip("abc", (900.0, 90.0, 9.0), strict=True)
    ]
    for model, failure in zip(made, failures, strict=False):
        model.failure = failure
    return made


def is_one_unbroken_stream(heard: Heard) -> bool:
    """Whether the one last chunk is the last, and the text is that of whoever is said to speak."""
    last = heard.chunks[-1]
    return (
        [chunk for chunk in heard.chunks if chunk.finish is not None] == [last]
        and last.usage is not None
        and all(chunk.usage is None for chunk in heard.chunks[:-1])
        and heard.text.startswith(TALE)
        and heard.text == said_by(heard.models[-1])
    )


async def test_streams_one_answer_and_says_whose_it_is(world: World, name: str):
    models = members()
    asker = await committee(world, *models, p_right=P)
    heard = await listen(asker, task("tale", name))
    assert is_one_unbroken_stream(heard)
    assert len(heard.contributions) == 1
    assert heard.contributions[0].because
    asked = {model.card.name for model in models if model.requests}
    told = {heard.models[0], *(other.model for other in heard.contributions[0].others)}
    assert told == asked


async def test_says_who_speaks_before_anything_is_said(world: World, name: str):
    asker = await committee(world, *members(), p_right=P)
    async with aclosing(asker.answer(task("tale", name))) as steps:
        assert isinstance(await anext(steps), Contribution)


async def test_costs_no_more_calls_than_it_said(world: World, name: str):
    models = members()
    asker = await committee(world, *models, p_right=P)
    strategy = next(s for s in strategies().values() if NAMES[s.name] == name)
    given = task("tale", name)
    pool = asker.parts.coordinator._pool
    errand = Errand(task=given, features=analyse(given.request), names=("auto",))
    ranked = pool.rank(errand, Failures())
    quote = strategy.quote(errand, ranked)
    assert strategy.quote(errand, ()).calls == 0
    await listen(asker, given)
    assert 1 <= sum(len(model.requests) for model in models) <= quote.calls
    assert quote.cost_usd > 0.0
    assert quote.latency_s > 0.0


async def test_says_what_it_expects_before_it_starts(world: World, name: str):
    asker = await committee(world, *members(), p_right=P)
    strategy = next(s for s in strategies().values() if NAMES[s.name] == name)
    given = task("tale", name)
    pool = asker.parts.coordinator._pool
    comparable = Outlook(p_comparable=1.0)
    errand = Errand(
        task=given,
        features=analyse(given.request),
        names=("auto",),
        outlook=comparable,
        least_gain=-math.inf,
    )
    ranked = pool.rank(errand, Failures())
    assert strategy.prospect(errand, (), now=pool.now()) is None
    expected = strategy.prospect(errand, ranked, now=pool.now())
    if expected is not None:
        assert expected.strategy == strategy.name
        assert 0.0 <= expected.p_right <= 1.0
        assert expected.cost_usd <= strategy.quote(errand, ranked).cost_usd + 1e-12
        assert expected.deviation is not None
        assert expected.lower_bound <= expected.gain


@pytest.mark.parametrize("failure", [Dies(0), Dies(7), BreaksOff(7), Hangs(0), Hangs(7), Refuses()])
@pytest.mark.parametrize("whom", range(3))
async def test_survives_a_member_that_fails(world: World, name: str, failure, whom: int):
    befalls: list[Failure | None] = [None] * 3
    befalls[whom] = failure
    asker = await committee(world, *members(*befalls), p_right=P)
    heard = await listen(asker, task("tale", name, within_s=120.0))
    assert [chunk for chunk in heard.chunks if chunk.finish is not None] == heard.chunks[-1:]
    assert heard.text.startswith(TALE)


@pytest.mark.parametrize("after_s", [0.05, 0.2, 0.6])
@pytest.mark.parametrize("whom", range(3))
async def test_survives_the_death_of_a_node(world: World, name: str, whom: int, after_s: float):
    asker = await committee(world, *members(), p_right=P)
    victims = sorted(n for n in asker.directory.entries if n != asker.id)
    heard: list[Heard] = []

    async def ask() -> None:
        heard.append(await listen(asker, task("tale", name)))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.sleep(after_s)
        world.hub.crash(victims[whom])
    assert heard[0].text.startswith(TALE)
    assert [chunk for chunk in heard[0].chunks if chunk.finish] == heard[0].chunks[-1:]


@pytest.mark.parametrize("name", ["cascade", "race"])
async def test_an_empty_answer_does_not_win(world: World, name: str):
    models = [member("a", said_by("a"), price=900.0), member("b", ""), member("c", " \n")]
    asker = await committee(world, *models, p_right=P)
    assert is_one_unbroken_stream(await listen(asker, task("tale", name)))


@pytest.mark.parametrize("name", ["cascade", "race"])
async def test_an_answer_without_end_does_not_win(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("modelnet.interaction.strategy.hearing.MOST_BYTES", 1000)
    endless = member("c", "la " * 5000, pace=Pace(0.01, 5000))
    asker = await committee(world, members()[0], endless, p_right=P)
    assert is_one_unbroken_stream(await listen(asker, task("tale", name)))


@pytest.mark.parametrize("name", ["cascade", "race"])
async def test_meets_the_deadline_with_what_it_has(world: World, name: str):
    asker = await committee(world, *members(Hangs(0), Hangs(0)), p_right=P)
    began = virtual_clock()
    heard = await listen(asker, task("tale", name, within_s=8.0))
    assert is_one_unbroken_stream(heard)
    assert heard.models == ["c"]
    assert virtual_clock() - began < 8.0


async def test_says_so_where_the_deadline_passes_with_nothing(world: World, name: str):
    asker = await committee(world, *members(Hangs(0), Hangs(0), Hangs(0)), p_right=P)
    began = virtual_clock()
    with pytest.raises(DeadlineError):
        await listen(asker, task("tale", name, within_s=5.0))
    assert virtual_clock() - began <= 5.5


async def test_all_fail_and_that_is_told(world: World, name: str):
    asker = await committee(world, *members(Dies(0), Dies(0), Dies(0)), p_right=P)
    began = virtual_clock()
    with pytest.raises(ModelnetError):
        await listen(asker, task("tale", name))
    assert virtual_clock() - began < 10.0


async def test_all_are_full_and_it_is_told_when_to_come_back(world: World, name: str):
    asker = await committee(world, *members(Refuses(3.0), Refuses(3.0), Refuses(3.0)), p_right=P)
    with pytest.raises(OverloadedError) as caught:
        await listen(asker, task("tale", name))
    assert caught.value.retry_after_s == 3.0


async def test_one_member_is_enough(world: World, name: str):
    asker = await committee(world, members()[0], p_right=P)
    assert is_one_unbroken_stream(await listen(asker, task("tale", name)))


async def test_nobody_is_there(world: World, name: str):
    asker = await world.node("asker")
    with pytest.raises(NoModelError):
        await listen(asker, task("tale", name))


async def test_stops_the_others_when_it_is_done(world: World, name: str):
    models = members()
    asker = await committee(world, *models, p_right=P)
    await listen(asker, task("tale", name))
    await anyio.sleep(0.2)
    assert [model.running for model in models] == [0, 0, 0]


@pytest.mark.parametrize("after_s", [0.05, 0.3, 1.0])
async def test_stops_everything_when_the_asker_leaves(world: World, name: str, after_s: float):
    models = members()
    asker = await committee(world, *models, p_right=P)
    with anyio.move_on_after(after_s):
        await listen(asker, task("tale", name))
    await anyio.sleep(0.2)
    assert [model.running for model in models] == [0, 0, 0]
    assert asker.parts.coordinator._pool._underway._own.total() == 0


async def test_answers_many_at_once(world: World, name: str):
    asker = await committee(world, *members(), p_right=P)
    heard: list[Heard] = []

    async def ask() -> None:
        heard.append(await listen(asker, task("tale", name)))

    async with anyio.create_task_group() as group:
        for _ in range(16):
            group.start_soon(ask)
    assert all(is_one_unbroken_stream(one) for one in heard)
    assert len(heard) == 16


async def test_keeps_to_max_tokens(world: World, name: str):
    asker = await committee(world, *members(), p_right=P)
    heard = await listen(asker, task(chat(sampling=Sampling(max_tokens=5)), name))
    assert heard.chunks[-1].finish == "length"
    assert TALE.startswith(heard.text)


async def test_goes_on_with_an_answer_begun(world: World, name: str):
    asker = await committee(world, *members(), p_right=P)
    begun = TALE[:60]
    heard = await listen(asker, task(chat(partial=Partial(begun)), name))
    assert begun + heard.text == said_by(heard.models[-1])


async def test_answers_only_what_it_says_it_can(world: World, name: str):
    asker = await committee(world, *members(), p_right=P)
    strategy = next(s for s in strategies().values() if NAMES[s.name] == name)
    if strategy.needs("embed"):
        assert (await listen(asker, task(Embed(("x",)), name))).chunks[-1].vectors
    else:
        with pytest.raises(UnsupportedError, match=strategy.name):
            await listen(asker, task(Embed(("x",)), name))
    assert strategy.needs("chat") >= {"chat"}


async def test_a_chain_goes_on_behind_it(world: World, name: str):
    models = members(Dies(0), Dies(0), Dies(0))
    asker = await committee(world, *models, p_right=P)
    await asker.serve(member("reserve", said_by("reserve")))
    nobody = f"{name}@nowhere"
    heard = await listen(asker, task("tale", nobody, "reserve"))
    assert heard.models == ["reserve"]


def chat(**fields) -> Request:
    return Chat((Message("user", "tale"),), **fields)
