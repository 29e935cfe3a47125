"""Cascades on virtual time: cheap first, on where it is not sure, the most probable answer told."""

import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.request import Chat, Message, Sampling
from modelnet.resource.backend.scripted import Dies, Hangs, Pace
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.committee import committee, member
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio

CAPITAL = "Which town is the seat of the government of Ruritania?"
SUM = "What is 17 + 25?"
P = {"small": 0.6, "middle": 0.75, "large": 0.95}


def three(small: str, middle: str, large: str, **options):
    return (
        member("small", small, price=10.0, **options),
        member("middle", middle, price=100.0, **options),
        member("large", large, price=2000.0, **options),
    )


def asked(*models) -> list[int]:
    return [len(model.requests) for model in models]


async def test_a_sum_that_can_be_checked_needs_the_cheapest_only(world: World):
    models = three("42", "42", "42")
    asker = await committee(world, *models, p_right=P)
    heard = await listen(asker, task(SUM, "cascade"))
    assert (heard.text, heard.models) == ("42", ["small"])
    assert asked(*models) == [1, 0, 0]


async def test_a_sum_that_is_wrong_is_asked_on(world: World):
    models = three("41", "42", "42")
    asker = await committee(world, *models, p_right=P)
    heard = await listen(asker, task(SUM, "cascade"))
    assert heard.text == "42"
    assert asked(*models)[:2] == [1, 1]


async def test_agreement_stops_before_the_dearest(world: World):
    models = three("Strelsau", "strelsau.", "Zenda")
    asker = await committee(world, *models, p_right=P)
    heard = await listen(asker, task(CAPITAL, "cascade"))
    assert heard.text.casefold().startswith("strelsau")
    assert asked(*models) == [1, 1, 0]
    assert [other.what for other in heard.contributions[0].others] == ["agreed"]


async def test_disagreement_goes_to_the_top_and_tells_it_as_it_comes(world: World):
    models = three("Zenda", "Hentzau", "Strelsau is the town where the government sits")
    asker = await committee(world, *models, p_right=P)
    heard = await listen(asker, task(CAPITAL, "cascade"))
    assert heard.text == "Strelsau is the town where the government sits"
    assert asked(*models) == [1, 1, 1]
    assert len(heard.chunks) > 5
    assert [o.what for o in heard.contributions[0].others] == ["not sure enough"] * 2


@pytest.mark.parametrize(("p_token", "asked_on"), [(0.999, 0), (0.2, 1)])
async def test_what_a_model_thinks_of_its_own_words_counts(world: World, p_token, asked_on):
    small = member("small", "Strelsau", price=10.0, has_logprobs=True, p_token=p_token)
    large = member("large", "Strelsau", price=2000.0)
    asker = await committee(world, small, large, p_right={"small": 0.75, "large": 0.95})
    heard = await listen(asker, task(CAPITAL, "cascade"))
    assert small.requests[0].sampling.top_logprobs == 0
    assert len(large.requests) == asked_on
    assert all(chunk.tokens == () for chunk in heard.chunks)


async def test_a_dead_rung_is_climbed_over(world: World):
    models = three("Zenda", "Strelsau", "Strelsau")
    models[0].failure = Dies(1)
    asker = await committee(world, *models, p_right=P)
    heard = await listen(asker, task(CAPITAL, "cascade"))
    assert heard.text == "Strelsau"
    assert "failed" in [other.what for other in heard.contributions[0].others]


async def test_near_the_deadline_what_was_heard_is_told(world: World):
    models = three("Zenda", "Strelsau", "Strelsau")
    models[1].failure = models[2].failure = Hangs(0)
    asker = await committee(world, *models, p_right=P)
    began = virtual_clock()
    heard = await listen(asker, task(CAPITAL, "cascade", within_s=6.0))
    assert heard.text == "Zenda"
    assert virtual_clock() - began < 6.0


async def test_where_time_is_too_short_for_another_it_is_not_asked(world: World):
    models = three("Zenda", "Strelsau", "Strelsau")
    asker = await committee(world, *models, p_right=P)
    heard = await listen(asker, task(CAPITAL, "cascade", within_s=0.3))
    assert heard.text == "Zenda"
    assert asked(*models) == [1, 0, 0]


async def test_the_top_that_dies_is_taken_over_midway(world: World):
    story = " ".join(f"word{number}" for number in range(40))
    models = (
        member("only", story, pace=Pace(0.1, 20)),
        member("spare", story, price=50.0, pace=Pace(0.1, 20)),
    )
    asker = await committee(world, *models, p_right={"only": 0.9, "spare": 0.9})

    def crash(heard) -> None:
        if len(heard.chunks) == 5:
            world.hub.crash(heard.contributions[0].node)

    heard = await listen(asker, task(CAPITAL, "cascade"), on_chunk=crash)
    assert heard.text == story
    assert heard.models == ["only", "spare"]


async def test_log_probabilities_are_told_to_those_who_ask(world: World):
    model = member("small", "Strelsau", has_logprobs=True)
    asker = await committee(world, model, p_right={"small": 0.6})
    request = Chat((Message("user", CAPITAL),), Sampling(top_logprobs=0))
    heard = await listen(asker, task(request, "cascade"))
    assert any(isinstance(chunk, Chunk) and chunk.tokens for chunk in heard.chunks)
