"""A verdict finds who answered, wherever in the network, and outlives the node that heard it."""

from contextlib import aclosing

import msgspec
import pytest

from modelnet.core.card import ModelCard, Price
from modelnet.core.error import InvalidRequestError, JudgedError, UnknownTaskError
from modelnet.core.identity import RequestId
from modelnet.core.request import Chat, Message, Sampling
from modelnet.core.standing import Tally
from modelnet.interaction.recollection import REMEMBERED_S
from modelnet.interaction.teacher import Teacher
from modelnet.ledger.memory import MemoryStore
from modelnet.ledger.outcome import Entry
from modelnet.resource.backend.scripted import Dies, Pace, ScriptedModel, scripted_card
from modelnet.service.kind import KINDS
from modelnet.service.routing import StandingRouter
from modelnet.service.standing import Beliefs
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio

SUM = "What is 2 plus 2?"


def knows(name: str = "m", answer: str = "4", **card) -> ScriptedModel:
    made = msgspec.structs.replace(scripted_card(name), **card)
    return ScriptedModel(lambda _: answer, card=made)


async def kept(node) -> list[Entry]:
    async with aclosing(node.parts.store.export()) as entries:
        return [entry async for entry in entries]


def tallies(node, other, model: str = "m") -> dict[str, Tally]:
    beliefs: Beliefs = node.parts.teacher._router._beliefs
    return beliefs.tallies(other.id, model, virtual_clock())


@pytest.mark.parametrize(("answer", "verdict"), [("4", 1.0), ("5", 0.0)])
async def test_a_sum_is_checked_wherever_it_was_answered(world: World, answer, verdict):
    asker = await world.node("asker")
    peer = await world.node("peer", knows(answer=answer, price=Price(1.0, 2.0)))
    await world.offers(asker, 1)
    asked = task(SUM)
    await listen(asker, asked)
    (entry,) = await kept(asker)
    assert (entry.task, entry.node, entry.model) == (asked.id, peer.id, "m")
    assert (entry.verdict, entry.source, entry.kind) == (verdict, "verifier", "arithmetic")
    assert entry.cost_usd == pytest.approx((7 * 1.0 + entry.tokens * 2.0) / 1e6, rel=0.5)
    assert tallies(asker, peer)["arithmetic"].asked == pytest.approx(1.0, abs=0.01)
    assert tallies(asker, peer)["arithmetic"].right == pytest.approx(verdict, abs=0.01)
    assert await kept(peer) == []


async def test_wrong_answers_lose_their_questions(world: World):
    asker = await world.node("asker", knows("wrong", "5"), knows("right", "4"))
    answers = [(await listen(asker, task(f"What is {n} plus {4 - n}?"))).text for n in range(5)]
    assert answers[-3:] == ["4", "4", "4"]


async def test_a_persons_word(world: World):
    asker = await world.node("asker")
    peer = await world.node("peer", knows())
    await world.offers(asker, 1)
    asked = task("Who are you?")
    await listen(asker, asked)
    assert await kept(asker) == []
    taught = asker.parts.teacher.judge(asked.id, "", 0.25)
    assert [(share.node, share.weight) for share in taught.shares] == [(peer.id, 1.0)]
    (entry,) = await kept(asker)
    assert (entry.verdict, entry.source) == (0.25, "user")
    total = sum((tally for tally in tallies(asker, peer).values()), Tally())
    assert (total.right, total.asked) == pytest.approx((0.25, 1.0), abs=0.01)
    with pytest.raises(JudgedError):
        asker.parts.teacher.judge(asked.id, "", 1.0)
    assert len(await kept(asker)) == 1


async def test_two_who_shared_an_answer_share_the_verdict(world: World):
    story = " ".join(f"w{number:02}" for number in range(10))
    script, pace = {"story": story}, Pace(0.1, 20)
    first = ScriptedModel(script, card=scripted_card("a"), pace=pace, failure=Dies(4))
    second = ScriptedModel(script, card=scripted_card("b"), pace=pace)
    asker = await world.node("asker", first, second)
    asked = task("story", "a", "b")
    assert (await listen(asker, asked)).text == story
    taught = asker.parts.teacher.judge(asked.id, "", 1.0)
    assert [share.model for share in taught.shares] == ["a", "b"]
    assert sum(share.weight for share in taught.shares) == pytest.approx(1.0)
    assert taught.shares[0].weight < 0.5
    assert {entry.model: entry.weight for entry in await kept(asker)} == {
        share.model: share.weight for share in taught.shares
    }


async def test_comparing_with_the_right_answer(world: World):
    asker = await world.node("asker", knows(answer="The capital is Paris."))
    asked = task("Where?")
    await listen(asker, asked)
    teacher = asker.parts.teacher
    with pytest.raises(InvalidRequestError):
        teacher.compare(asked.id, "", "Paris")
    assert teacher.compare(asked.id, "", "Rome").verdict == 0.0
    with pytest.raises(JudgedError):
        teacher.compare(asked.id, "", "The capital is Paris")


async def test_what_is_expected_is_compared_and_not_sent(world: World):
    model = knows(answer="Paris.")
    asker = await world.node("asker", model)
    asked = msgspec.structs.replace(task("Where?"), expected="paris")
    await listen(asker, asked)
    assert [entry.verdict for entry in await kept(asker)] == [1.0]
    assert b"paris" not in msgspec.msgpack.encode(model.requests)


async def test_nobody_judges_what_is_not_theirs(world: World):
    asker = await world.node("asker", knows())
    asked = msgspec.structs.replace(task("Who?"), owner="anns-key")
    await listen(asker, asked)
    for owner in ("", "bobs-key"):
        with pytest.raises(UnknownTaskError):
            asker.parts.teacher.judge(asked.id, owner, 0.0)
    with pytest.raises(UnknownTaskError):
        asker.parts.teacher.judge(RequestId("unknown"), "anns-key", 0.0)
    assert asker.parts.teacher.judge(asked.id, "anns-key", 1.0).verdict == 1.0


async def test_a_failed_or_broken_off_answer_cannot_be_judged(world: World):
    asker = await world.node("asker", ScriptedModel(failure=Dies(2)))
    failed = task("one two three four")
    with pytest.raises(Exception, match="failed"):
        await listen(asker, failed)
    with pytest.raises(UnknownTaskError):
        asker.parts.teacher.judge(failed.id, "", 0.0)


async def test_an_answer_that_was_cut_short_is_not_wrong(world: World):
    asker = await world.node("asker", knows(answer="5 and more"))
    request = Chat((Message("user", SUM),), Sampling(max_tokens=1))
    await listen(asker, task(request))
    assert await kept(asker) == []


async def test_whoever_has_read_the_end_may_judge_at_once(world: World):
    asker = await world.node("asker", knows())
    asked = task(SUM)
    async with aclosing(asker.answer(asked)) as steps:
        async for step in steps:
            if getattr(step, "finish", None):
                asker.parts.teacher.judge(asked.id, "", 1.0)
                break
    assert [entry.source for entry in await kept(asker)] == ["user", "verifier"]


async def test_what_must_not_be_kept(world: World):
    asker = await world.node("asker", knows())
    asked = msgspec.structs.replace(task(SUM), is_kept=False)
    await listen(asker, asked)
    assert await kept(asker) == []
    assert tallies(asker, asker)["arithmetic"].asked > 0.9
    with pytest.raises(UnknownTaskError):
        asker.parts.teacher.judge(asked.id, "", 1.0)


async def test_too_late(world: World):
    now = 0.0
    asker = await world.node("asker", knows())
    teacher = Teacher(
        asker.parts.coordinator,
        StandingRouter(Beliefs(asker.id)),
        MemoryStore(),
        lambda: virtual_clock() + now,
        asker.parts.teacher._rng,
    )
    asked = task("Who?")
    async with aclosing(teacher.answer(asked)) as steps:
        async for _ in steps:
            pass
    now = REMEMBERED_S + 1.0
    with pytest.raises(UnknownTaskError):
        teacher.judge(asked.id, "", 1.0)


async def test_forgetting_takes_the_answers_along(world: World):
    asker = await world.node("asker", knows())
    first, second = task(SUM), task(SUM)
    await listen(asker, first)
    await listen(asker, second)
    assert await asker.parts.teacher.forget(task=first.id) == 1
    with pytest.raises(UnknownTaskError):
        asker.parts.teacher.judge(first.id, "", 1.0)
    asker.parts.teacher.judge(second.id, "", 1.0)
    assert await asker.parts.teacher.forget() == 2
    assert await kept(asker) == []


async def test_an_earlier_life_is_recalled_and_has_faded(world: World):
    asker = await world.node("asker", knows())
    now = virtual_clock()

    def entry(number: int, **changes) -> Entry:
        told = {"kind": "logic", "model": "m", "verdict": 1.0, "source": "user"}
        task_id = RequestId(f"{number:032x}")
        return Entry(**{"task": task_id, "at": now, "node": asker.id, **told, **changes})

    store = asker.parts.store
    store.add(entry(1))
    store.add(entry(2, at=now - 24 * 3600.0))
    store.add(entry(3, verdict=0.0, weight=0.5))
    store.add(entry(4, at=now + 7 * 24 * 3600.0))
    store.add(entry(5, kind="a kind of another time"))
    assert await asker.parts.teacher.recall() == 4
    tally = tallies(asker, asker)["logic"]
    assert (tally.right, tally.asked) == pytest.approx((2.5, 3.0))
    assert set(tallies(asker, asker)) == {"logic"}
    assert "logic" in KINDS


async def test_recalling_is_bounded(world: World):
    asker = await world.node("asker", knows())
    for number in range(50):
        asker.parts.store.add(
            Entry(
                task=RequestId(str(number)), at=virtual_clock(), kind="logic", node=asker.id,
                model="m", verdict=float(number >= 40), source="user",
            )
        )  # fmt: skip
    assert await asker.parts.teacher.recall(limit=10) == 10
    assert tallies(asker, asker)["logic"].right == pytest.approx(10.0)


class TestExplanation:
    async def test_everybody_is_considered_in_the_order_of_asking(self, world: World):
        asker = await world.node("asker", knows("good", "4"), knows("poor", "5"))
        blind = ModelCard(name="embedder", operations=("embed",), engine="scripted")
        await world.node("peer", ScriptedModel(card=blind))
        await world.offers(asker, 3)
        for _ in range(3):
            await listen(asker, task(SUM, "good"))
            await listen(asker, task(SUM, "poor"))
        asked = task(SUM)
        told = await asker.parts.teacher.explain(asked)
        heard = await listen(asker, asked)
        assert [one.model for one in told.considered] == ["good", "poor"] == [*heard.models, "poor"]
        good, poor = told.considered
        assert good.p_right > 0.6 > 0.3 > poor.p_right
        assert good.asked == pytest.approx(3.0, abs=0.1)
        assert good.expected_s is not None
        assert good.value == pytest.approx(
            good.p_right - good.time_worth - good.cost_worth, abs=0.02
        )
        assert [(one.model, one.node_name) for one in told.unable] == [("embedder", "peer")]
        assert "cannot do 'chat'" in told.unable[0].why
        assert (told.kind, told.name, told.operation) == ("arithmetic", "auto", "chat")
        told = told.ended(heard.contributions)
        assert told.because.startswith("good of asker is the first to ask: worth 0.")
        assert "for being right more often" in told.because

    async def test_one_that_failed_rests_and_that_is_told(self, world: World):
        dead, alive = knows("dead"), knows("alive", "5")
        dead.failure = Dies(0)
        asker = await world.node("asker", dead, alive)
        heard = await listen(asker, task(SUM, "dead", "alive"))
        asked = task(SUM)
        told = (await asker.parts.teacher.explain(asked)).ended(heard.contributions)
        assert told.considered[-1].model == "dead"
        assert told.considered[-1].failures == 1
        assert 0.0 < told.considered[-1].rests_s <= 1.0
        assert "dead of asker failed and rests" in told.because

    async def test_someone_else_answered(self, world: World):
        asker = await world.node("asker", knows("a"), knows("b"))
        await listen(asker, task(SUM, "a"))
        told = await asker.parts.teacher.explain(task(SUM))
        heard = await listen(asker, task(SUM, "b"))
        assert "b of asker answered all the same:" in told.ended(heard.contributions).because
        assert told.ended(()).because == told.because

    async def test_one_alone(self, world: World):
        asker = await world.node("asker", knows("a"))
        told = await asker.parts.teacher.explain(task(SUM))
        assert told.because == "a of asker is the only one that can."

    async def test_nobody(self, world: World):
        asker = await world.node("asker")
        assert await asker.parts.teacher.explain(task(SUM)) is None
        await world.node("peer", knows())
        await world.offers(asker, 1)
        assert await asker.parts.teacher.explain(task(SUM, "unknown")) is None

    async def test_no_word_of_what_others_asked(self, world: World):
        asker = await world.node("asker", knows())
        secret = msgspec.structs.replace(task("What is the secret of Ann?"), owner="anns-key")
        await listen(asker, secret)
        asker.parts.teacher.judge(secret.id, "anns-key", 1.0)
        told = msgspec.json.encode(await asker.parts.teacher.explain(task(SUM)))
        for private in ("secret", "Ann", "anns-key", secret.id):
            assert private.encode() not in told


async def test_what_one_node_exported_another_learns(world: World):
    first, second = await world.node("first", knows()), await world.node("second")
    await world.offers(second, 1)
    asked = task(SUM)
    await listen(first, asked)
    exported = await kept(first)
    assert await second.parts.teacher.study([*exported, *exported]) == len(exported)
    assert await kept(second) == exported
    learnt = tallies(second, first)
    assert learnt["arithmetic"].asked > 0.5
    assert await second.parts.teacher.study(exported) == 0
    assert tallies(second, first) == learnt


async def test_what_is_of_an_unknown_kind_is_left_out(world: World):
    node = await world.node("asker", knows())
    await listen(node, task(SUM))
    (entry,) = await kept(node)
    strange = msgspec.structs.replace(entry, task=RequestId("other"), kind="alchemy")
    assert await node.parts.teacher.study([strange]) == 0
    assert await kept(node) == [entry]
