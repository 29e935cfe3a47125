"""Hard limits over whole networks: what is charged, by the meters of the models themselves."""

import random

import pytest

from modelnet.core.error import LimitError, ModelnetError
from modelnet.core.request import Embed
from modelnet.core.wish import Weights, Wish
from modelnet.resource.backend.scripted import Dies, Hangs, Pace, Refuses, ScriptedModel
from modelnet.resource.backend.shaping import count_pieces
from tests.scenarios.committee import committee, member
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio

PROMPT = "Please tell me everything about the largest planet"
P = {"small": 0.6, "middle": 0.75, "large": 0.9}
PRICES = {"small": 100.0, "middle": 400.0, "large": 2000.0}


class Meter:
    """A till into which every model rings up what it reads, and each token as it says it."""

    def __init__(self) -> None:
        self.usd = 0.0

    def watch(self, model: ScriptedModel) -> ScriptedModel:
        """Have a model charge for all that it does."""
        asked, price = model.run, model.card.price

        async def run(request, *, deadline):
            if not isinstance(model.failure, Refuses):
                read = count_pieces(request.prompt) + count_pieces(request.partial.text)
                self.usd += read * price.input_per_mtok / 1e6
            async for chunk in asked(request, deadline=deadline):
                self.usd += bool(chunk.text) * price.output_per_mtok / 1e6
                yield chunk

        model.run = run
        return model


def tale(rng: random.Random):
    return lambda _: " ".join(f"word{n}" for n in range(rng.randrange(1, 60)))


def wished(prompt: str, *models: str, within_s: float = 600.0, **wish):
    import msgspec

    return msgspec.structs.replace(task(prompt, *models, within_s=within_s), wish=Wish(**wish))


async def till(world: World, rng: random.Random):
    meter = Meter()
    members = [meter.watch(member(name, tale(rng), price=price)) for name, price in PRICES.items()]
    return await committee(world, *members, p_right=P), members, meter


@pytest.mark.parametrize(
    "models", [("auto",), ("cascade",), ("race:best",), ("large", "auto:cheap")]
)
async def test_no_task_is_ever_charged_more_than_its_limit(world: World, models: tuple[str, ...]):
    rng = random.Random(11)
    asker, members, meter = await till(world, rng)
    told = refused = broken = cut = 0
    for _ in range(60):
        for model in members:
            befalls = [None, None, Dies(rng.randrange(20)), Hangs(rng.randrange(5)), Refuses(0.1)]
            model.failure = rng.choice(befalls)
        limit, meter.usd = rng.choice([0.002, 0.004, 0.015, 0.07, 0.3]), 0.0
        try:
            heard = await listen(asker, wished(PROMPT, *models, max_cost_usd=limit))
        except LimitError:
            refused += 1
        except ModelnetError:
            broken += 1
        else:
            told += 1
            cut += heard.chunks[-1].finish == "length"
        assert meter.usd <= limit + 1e-12
    assert told > 15
    assert refused + broken + cut > 0


async def test_whoever_takes_over_has_what_is_left(world: World):
    asker, (small, _, large), meter = await till(world, random.Random(3))
    large.failure = Dies(after_tokens=3)
    # Of 0.08 the large one takes 0.054 at most before it dies; the middle one may need 0.012.
    heard = await listen(asker, wished(PROMPT, "auto:best", max_cost_usd=0.08))
    assert heard.models[0] == "large"
    assert len(heard.models) == 2
    asked = next(m for m in (small, _) if m.requests).requests[0]
    assert asked.sampling.max_tokens is not None
    assert meter.usd <= 0.08
    assert heard.text.startswith("word0 word1 word2")


async def test_a_failure_can_leave_too_little_for_anybody(world: World):
    asker, (small, middle, large), _ = await till(world, random.Random(3))
    large.failure = Dies(after_tokens=3)
    with pytest.raises(
        ModelnetError,
        match=r"large failed.*nobody took over: .*is spent, excludes middle",
    ):
        await listen(asker, wished(PROMPT, "large", "middle", max_cost_usd=0.06))
    assert not small.requests
    assert not middle.requests


async def test_nobody_is_within_the_limits(world: World):
    asker, members, meter = await till(world, random.Random(1))
    with pytest.raises(LimitError) as caught:
        await listen(asker, wished(PROMPT, max_cost_usd=0.0001, min_quality=0.7))
    said = str(caught.value)
    assert "`max_cost_usd` of 0.0001 excludes" in said
    assert "the cheapest able model, middle of of-middle, may cost $0.012" in said
    assert (
        "`min_quality` of 0.7 excludes small: the best, small of of-small, is right with 0.59"
        in said
    )
    assert meter.usd == 0.0
    assert not any(model.requests for model in members)


async def test_along_a_chain_the_limit_holds(world: World):
    asker, *_ = await till(world, random.Random(1))
    heard = await listen(asker, wished(PROMPT, "large", "middle", "small", max_cost_usd=0.02))
    assert heard.models == ["middle"]
    heard = await listen(asker, wished(PROMPT, "race", "middle", max_cost_usd=0.003))
    assert heard.models == ["small"]


async def test_quality_and_time_choose(world: World):
    rng = random.Random(1)
    slow = member("slow", tale(rng), pace=Pace(10.0, 50))
    quick = member("quick", tale(rng))
    asker = await committee(world, slow, quick, p_right={"slow": 0.95, "quick": 0.7})
    for _ in range(2):
        await listen(asker, wished(PROMPT, "slow"))
        await listen(asker, wished(PROMPT, "quick"))
    assert (await listen(asker, wished(PROMPT, "auto:best"))).models == ["slow"]
    assert (await listen(asker, wished(PROMPT, "auto:best", max_latency_s=6.0))).models == ["quick"]
    assert (await listen(asker, wished(PROMPT, "auto:fast", min_quality=0.9))).models == ["slow"]
    with pytest.raises(LimitError, match=r"the quickest, slow of of-slow, takes up to [1-9]"):
        await listen(asker, wished(PROMPT, min_quality=0.9, max_latency_s=6.0))


async def test_weights_choose(world: World):
    asker, *_ = await till(world, random.Random(1))
    cheap = wished(PROMPT, weights=Weights(dollar=1000))
    assert (await listen(asker, cheap)).models == ["small"]
    best = wished(PROMPT, "auto:cheap", weights=Weights(dollar=0, second=0))
    assert (await listen(asker, best)).models == ["large"]


async def test_a_cascade_or_race_that_is_too_dear_as_a_whole_is_a_smaller_one(world: World):
    # Five tokens each, as was measured, and no two of them agree.
    members = [member(n, f"It is {n[0]} thing", price=price) for n, price in PRICES.items()]
    asker = await committee(world, *members, p_right=P)
    everybody = await listen(asker, wished(PROMPT, "race:best", max_cost_usd=1.0))
    assert len(everybody.contributions[0].others) == 2
    two = await listen(asker, wished(PROMPT, "race:best", max_cost_usd=0.07))
    assert len(two.contributions[0].others) == 1
    one = await listen(asker, wished(PROMPT, "race:best", max_cost_usd=0.059))
    assert not one.contributions[0].others
    assert one.models == ["large"]


async def test_the_wish_of_the_node_is_for_those_who_say_nothing(world: World):
    rng = random.Random(1)
    settings = {"wish": Wish(max_cost_usd=0.01, weights=Weights(dollar=1000))}
    asker = await world.node(
        "asker", member("dear", tale(rng), price=9000.0), member("free", "Yes."), settings=settings
    )
    heard = [
        (await listen(asker, asked)).models
        for asked in (
            task(PROMPT),
            wished(PROMPT, "dear", max_cost_usd=10.0),
            wished(PROMPT, "auto:best", max_cost_usd=10.0, min_quality=0.1),
        )
    ]
    assert heard[0] == ["free"]
    assert heard[1] == ["dear"]
    with pytest.raises(LimitError):
        await listen(asker, task(PROMPT, "dear"))


async def test_vectors_are_bounded_by_cost_and_not_by_quality(world: World):
    asker = await committee(world, member("dear", "Yes.", price=9000.0), p_right={})
    embed = Embed(("a text",))
    assert (await listen(asker, wished(embed, min_quality=0.99))).models == ["dear"]
    with pytest.raises(LimitError):
        await listen(asker, wished(embed, max_cost_usd=0.0))


async def test_limits_are_explained_with_who_they_exclude(world: World):
    asker, *_ = await till(world, random.Random(1))
    wish = {"max_cost_usd": 0.02, "min_quality": 0.7, "weights": Weights(second=0.5)}
    explained = await asker.parts.teacher.explain(wished(PROMPT, **wish))
    assert explained is not None
    assert [one.model for one in explained.considered] == ["middle"]
    assert explained.considered[0].p95_s > explained.considered[0].expected_s > 0.0
    assert (explained.max_cost_usd, explained.max_latency_s) == (0.02, None)
    assert (explained.p_per_second, explained.p_per_dollar) == (0.5, 5.0)
    assert {one.model: one.why for one in explained.excluded} == {
        "large": "may cost $0.058 (max_cost_usd)",
        "small": "is right with 0.59 (min_quality)",
    }
    nobody = wished(PROMPT, max_cost_usd=0.0)
    assert await asker.parts.teacher.explain(nobody) is None


async def test_from_python(world: World):
    asker, *_ = await till(world, random.Random(1))
    with pytest.raises(LimitError):
        async for _ in asker.ask(PROMPT, wish=Wish(max_cost_usd=0.0)):
            pass
