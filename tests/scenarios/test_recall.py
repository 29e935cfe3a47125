"""Answers told again: to whom, how, and when not."""

import random
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import anyio
import msgspec
import pytest

from modelnet.core.chunk import Usage
from modelnet.core.error import JudgedError, ModelnetError, UnknownTaskError
from modelnet.core.request import Chat, Message, Sampling
from modelnet.core.task import Contribution, Task
from modelnet.interaction.recall.flight import PATIENCE_S
from modelnet.resource.backend.scripted import Dies, Pace, Refuses, ScriptedModel, scripted_card
from modelnet.service.cache.trial import Trial, Trials
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.conftest import World, listen, task
from tests.scenarios.topic import WordEncoder

pytestmark = pytest.mark.anyio

QUESTION = "Which city is the capital of France?"
EXACT = {"cache": "exact"}
NEAR = {"cache": "near"}


def model(answer: str = "Paris", **more) -> ScriptedModel:
    return ScriptedModel(lambda _: answer, card=scripted_card("m"), clock=virtual_clock, **more)


def owned(asked: Task, owner: str) -> Task:
    return msgspec.structs.replace(asked, owner=owner)


async def test_off_unless_asked_for(world: World):
    asked = model()
    node = await world.node("n", asked)
    assert node.parts.recaller is None
    for _ in range(2):
        await listen(node, task(QUESTION))
    assert len(asked.requests) == 2


async def test_the_same_again_is_told_again(world: World):
    asked = model("It is Paris, as ever.", pace=Pace(1.0, 10.0))
    node = await world.node("n", asked, settings=EXACT)
    first = await listen(node, task(QUESTION))
    await anyio.sleep(7.0)
    began = virtual_clock()
    again = await listen(node, task(QUESTION))
    assert virtual_clock() == began
    assert (again.text, again.chunks[-1]) == (first.text, first.chunks[-1])
    assert sum(chunk.finish is not None for chunk in again.chunks) == 1
    (told,) = again.contributions
    assert (told.node, told.model) == (node.id, "m")
    assert told.recalled.age_s > 7.0
    assert told.recalled.cosine == 1.0
    assert told.because.startswith("answered from the cache: the same was asked ")
    assert len(asked.requests) == 1
    status = node.parts.recaller.status
    assert (status.asked, status.exact, status.near, status.entries) == (2, 1, 0, 1)


async def test_no_owner_hears_of_another(world: World):
    asked = model()
    node = await world.node("n", asked, settings=NEAR)
    node.parts.reader.use(WordEncoder())
    trusting(node)
    for owner in ("alice", "bob", ""):
        heard = await listen(node, owned(task(QUESTION), owner))
        assert heard.contributions[0].recalled is None
        heard = await listen(node, owned(task("Please, " + QUESTION), owner))
        assert heard.contributions[0].recalled is not None
    assert len(asked.requests) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"is_kept": False},
        {"expected": "Paris"},
        {"may_recall": False},
        {"request": Chat((Message("user", QUESTION),), Sampling(temperature=1.0))},
    ],
    ids=["labelled", "expected", "wanted anew", "drawn"],
)
async def test_never_told_again(world: World, changes):
    asked = model()
    node = await world.node("n", asked, settings=EXACT)
    await listen(node, task(QUESTION))
    for _ in range(2):
        heard = await listen(node, msgspec.structs.replace(task(QUESTION), **changes))
        assert heard.contributions[0].recalled is None
    assert len(asked.requests) == 3
    assert node.parts.recaller.status.entries == 1


async def test_an_answer_grows_old(world: World):
    asked = model()
    node = await world.node("n", asked, settings={**EXACT, "cache_s": 60.0})
    for wait_s in (0.0, 50.0, 20.0):
        await anyio.sleep(wait_s)
        await listen(node, task(QUESTION))
    assert len(asked.requests) == 2


async def test_what_failed_or_was_cut_or_is_wrong_is_not_kept(world: World):
    answers = {QUESTION: "a b c", "What is 2 plus 2?": "5"}
    asked = ScriptedModel(answers, card=scripted_card("m"), clock=virtual_clock)
    node = await world.node("n", asked, settings=EXACT)
    asked.failure = Dies(after_tokens=1)
    with pytest.raises(ModelnetError):
        await listen(node, task(QUESTION))
    asked.failure = None
    await anyio.sleep(600.0)
    cut = Chat((Message("user", QUESTION),), Sampling(max_tokens=1))
    assert (await listen(node, task(cut))).chunks[-1].finish == "length"
    await listen(node, task("What is 2 plus 2?"))
    assert node.parts.recaller.status.entries == 0


async def test_a_client_that_left_leaves_nothing(world: World):
    node = await world.node("n", model("a b c d", pace=Pace(0.0, 1.0)), settings=EXACT)
    async with aclosing(node.answer(task(QUESTION))) as steps:
        async for step in steps:
            if not isinstance(step, Contribution):
                break
    assert node.parts.recaller.status.entries == 0
    assert node.parts.recaller.is_idle


async def together(node, count: int, *, within_s: float = 60.0) -> list:
    heard: list = []

    async def ask() -> None:
        heard.append(await listen(node, task(QUESTION, within_s=within_s)))

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(ask)
    return heard


async def test_equal_questions_at_once_are_asked_once(world: World):
    asked = model("a b c", pace=Pace(2.0, 1.0))
    node = await world.node("n", asked, settings=EXACT)
    heard = await together(node, 20)
    assert {one.text for one in heard} == {"a b c"}
    assert len(asked.requests) == 1
    assert sum(one.contributions[0].recalled is not None for one in heard) == 19
    assert node.parts.recaller.status.waited == 19


async def test_when_the_first_leaves_the_next_asks_and_the_rest_wait(world: World):
    asked = model("a b c", pace=Pace(2.0, 1.0))
    node = await world.node("n", asked, settings=EXACT)
    heard: list = []
    leaving = anyio.CancelScope()

    async def leave() -> None:
        with leaving:
            await listen(node, task(QUESTION))

    async with anyio.create_task_group() as group:
        group.start_soon(leave)
        await anyio.sleep(1.0)
        group.start_soon(lambda: _collect(heard, node, 5))
        await anyio.sleep(0.5)
        leaving.cancel()
    assert [one.text for one in heard] == ["a b c"] * 5
    assert len(asked.requests) == 2


async def _collect(heard: list, node, count: int) -> None:
    heard += await together(node, count)


async def test_when_the_first_fails_nobody_waits_for_another(world: World):
    asked = model(pace=Pace(1.0))
    node = await world.node("n", asked, settings=EXACT)
    asked.failure = Refuses(retry_after_s=1.0)
    failed: list[ModelnetError] = []

    async def ask() -> None:
        try:
            await listen(node, task(QUESTION))
        except ModelnetError as error:
            failed.append(error)

    began = virtual_clock()
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
    assert len(failed) == 5
    assert virtual_clock() - began < 5.0


async def test_what_is_not_kept_is_answered_to_all_at_once(world: World):
    asked = model("a b c", pace=Pace(1.0))
    node = await world.node("n", asked, settings=EXACT)
    cut = Chat((Message("user", QUESTION),), Sampling(max_tokens=1))
    began = virtual_clock()
    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(listen, node, task(cut))
    assert virtual_clock() - began < 3.0
    assert len(asked.requests) == 6


async def test_a_slow_reader_holds_nobody_up_for_long(world: World):
    asked = model("a b c")
    node = await world.node("n", asked, settings=EXACT)
    heard: list = []

    async def read_slowly() -> None:
        async with aclosing(node.answer(task(QUESTION, within_s=3600.0))) as steps:
            async for _ in steps:
                await anyio.sleep(600.0)

    async with anyio.create_task_group() as group:
        group.start_soon(read_slowly)
        await anyio.sleep(0.1)
        began = virtual_clock()
        heard += await together(node, 3, within_s=600.0)
        assert virtual_clock() - began == pytest.approx(PATIENCE_S, abs=0.2)
        group.cancel_scope.cancel()
    assert len(heard) == 3
    assert len(asked.requests) == 2


async def test_who_waits_keeps_time_to_ask_after_all(world: World):
    asked = model("a b c")
    node = await world.node("n", asked, settings=EXACT)
    async with aclosing(node.answer(task(QUESTION))) as steps:
        await anext(steps)
        began = virtual_clock()
        heard = await listen(node, task(QUESTION, within_s=4.0))
    assert heard.text == "a b c"
    assert virtual_clock() - began == pytest.approx(2.0, abs=0.1)


async def test_a_hit_may_be_read_slowly_and_left(world: World):
    node = await world.node("n", model("a b c"), settings=EXACT)
    await listen(node, task(QUESTION))
    async with aclosing(node.answer(task(QUESTION))) as steps:
        await anext(steps)
        await anyio.sleep(100.0)
        node.parts.recaller._cache.forget()
    assert node.parts.recaller.is_idle


async def test_nothing_outlives_the_node(tmp_path: Path):
    asked = model()
    for life in (1, 2):
        async with AsyncExitStack() as stack:
            node = await World(stack, tmp_path).node("n", asked, settings=EXACT)
            await listen(node, task(QUESTION))
        assert len(asked.requests) == life


async def test_deleted_means_forgotten(world: World):
    asked = model()
    node = await world.node("n", asked, settings=EXACT)
    first, again = task(QUESTION), task(QUESTION)
    await listen(node, first)
    await listen(node, again)
    await node.parts.answering.forget(task=first.id)
    assert node.parts.recaller.status.entries == 0
    with pytest.raises(UnknownTaskError):
        node.parts.answering.judge(again.id, "", 1.0)
    await listen(node, task(QUESTION))
    assert len(asked.requests) == 2


async def test_a_wrong_answer_is_not_told_again(world: World):
    asked = model("Lyons")
    node = await world.node("n", asked, settings=EXACT)
    first, again = task(QUESTION), task(QUESTION)
    await listen(node, first)
    await listen(node, again)
    with pytest.raises(UnknownTaskError):
        node.parts.answering.judge(again.id, "somebody else", 0.0)
    taught = node.parts.answering.judge(again.id, "", 0.0)
    assert (taught.task, [share.model for share in taught.shares]) == (again.id, ["m"])
    # One answer has one verdict, under whichever of its names.
    with pytest.raises(JudgedError):
        node.parts.answering.judge(first.id, "", 1.0)
    heard = await listen(node, task(QUESTION))
    assert heard.contributions[0].recalled is None


async def test_compared_with_the_right_answer(world: World):
    node = await world.node("n", model("Lyons"), settings=EXACT)
    first, again = task(QUESTION), task(QUESTION)
    await listen(node, first)
    await listen(node, again)
    taught = node.parts.answering.compare(again.id, "", "Paris")
    assert (taught.verdict, taught.task) == (0.0, again.id)
    assert node.parts.recaller.status.entries == 0


def trusting(node, *, checked: float = 0.0) -> Trials:
    """Give a node the evidence it takes, so that near questions count."""
    trials = Trials(checked=checked)
    for cosine in (0.98, 0.95, 0.92, 0.89, 0.86):
        for _ in range(200):
            trials.note(Trial(cosine, False, frozenset(), 0.0))
    node.parts.recaller._nearness._trials = trials
    return trials


async def asks(node, *texts: str) -> list[bool]:
    """Ask, and tell which answers were told again."""
    heard = [await listen(node, task(text)) for text in texts]
    return [one.contributions[0].recalled is not None for one in heard]


async def test_until_there_is_evidence_only_the_same_counts(world: World):
    asked = model()
    node = await world.node("n", asked, settings=NEAR)
    node.parts.reader.use(WordEncoder())
    assert await asks(node, QUESTION, "Please, " + QUESTION, QUESTION) == [False, False, True]
    # The second was answered anew, and both answers were the same: that is evidence.
    trust = node.parts.recaller.status.trust
    assert (trust.checks, trust.wrong, trust.from_cosine) == (1, 0, None)


async def test_near_questions_count_where_that_is_known_to_be_safe(world: World):
    asked = model()
    node = await world.node("n", asked, settings=NEAR)
    node.parts.reader.use(WordEncoder())
    trusting(node)
    assert await asks(node, QUESTION) == [False]
    heard = await listen(node, task("Please, " + QUESTION))
    (told,) = heard.contributions
    assert 0.85 < told.recalled.cosine < 1.0
    assert "a question like it was asked" in told.because
    assert "of such answers differ" in told.because
    assert node.parts.recaller.status.near == 1
    traps = ["Which city is not the capital of France?", "Which city is the capital of Spain?"]
    assert await asks(node, *traps) == [False, False]
    system = Chat((Message("system", "Rhyme."), Message("user", "Please, " + QUESTION)))
    assert (await listen(node, task(system))).contributions[0].recalled is None


async def test_without_an_encoder_only_the_same_counts(world: World):
    asked = model()
    node = await world.node("n", asked, settings=NEAR)
    trusting(node)
    assert await asks(node, QUESTION, "Please, " + QUESTION, QUESTION) == [False, False, True]
    node.parts.reader.use(WordEncoder(fails=True))
    assert await asks(node, "Say, " + QUESTION) == [False]


async def test_prose_is_never_told_to_another_question(world: World):
    asked = model("There is more than one way to see this, and I shall tell you of each of them.")
    node = await world.node("n", asked, settings=NEAR)
    node.parts.reader.use(WordEncoder())
    trials = trusting(node)
    assert await asks(node, QUESTION, "Please, " + QUESTION, QUESTION) == [False, False, True]
    assert trials.trust.checks == 1000


async def test_checks_go_on_and_a_difference_closes_the_door(world: World):
    answers = {QUESTION: "Paris", "Please, " + QUESTION: "Lyons"}
    asked = ScriptedModel(answers, card=scripted_card("m"))
    node = await world.node("n", asked, settings=NEAR)
    node.parts.reader.use(WordEncoder())
    trials = trusting(node, checked=1.0)
    assert await asks(node, QUESTION, "Please, " + QUESTION) == [False, False]
    assert [one.is_wrong for one in trials._known][-1]
    # The first answer was wrong for a question near by: it is never told to one again.
    trials._checked = 0.0
    heard = await listen(node, task("Say, " + QUESTION))
    assert heard.text == "Lyons"
    assert heard.contributions[0].recalled is not None
    assert await asks(node, QUESTION) == [True]


async def test_a_complaint_is_evidence_and_teaches_no_model(world: World):
    node = await world.node("n", model(), settings=NEAR)
    node.parts.reader.use(WordEncoder())
    trials = trusting(node)
    near = task("Please, " + QUESTION)
    await listen(node, task(QUESTION))
    await listen(node, near)
    taught = node.parts.answering.judge(near.id, "", 0.0)
    assert (taught.task, taught.shares) == (near.id, ())
    assert [one.is_wrong for one in trials._known][-1]
    with pytest.raises(JudgedError):
        node.parts.answering.judge(near.id, "", 1.0)
    # The first answer still answers its own question, and no other.
    assert await asks(node, QUESTION, "Say, " + QUESTION) == [True, False]


async def test_contentment_is_no_evidence(world: World):
    node = await world.node("n", model(), settings=NEAR)
    node.parts.reader.use(WordEncoder())
    trials = trusting(node)
    near = task("Please, " + QUESTION)
    await listen(node, task(QUESTION))
    await listen(node, near)
    assert node.parts.answering.compare(near.id, "", "Paris").verdict == 1.0
    assert trials.trust.checks == 1000


async def test_memory_is_bounded_while_more_is_asked(world: World):
    node = await world.node("n", model("x " * 100), settings=EXACT)
    cache = node.parts.recaller._cache
    cache._most_bytes = 20_000
    rng = random.Random(1)
    for _ in range(60):
        await listen(node, task(f"question {rng.random()}"))
        assert cache.size_bytes <= 20_000
    assert 5 < len(cache) < 40


async def test_what_was_read_counts_as_read(world: World):
    node = await world.node("n", model(), settings=EXACT)
    first = await listen(node, task(QUESTION))
    again = await listen(node, task(QUESTION))
    assert again.chunks[-1].usage == first.chunks[-1].usage != Usage()
