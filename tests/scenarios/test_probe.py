"""Models tried over the network: here and at a peer, honest and not."""

import struct
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import msgspec
import pytest

from modelnet.application.gateway.endpoint import HttpRequest
from modelnet.application.probe_route import COSTS_MONEY, probe_routes
from modelnet.core.card import ModelCard, Price
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.error import InvalidRequestError, UnknownModelError
from modelnet.core.request import Chat, Complete, Embed, Request
from modelnet.resource.backend.scripted import (
    Dies,
    Hangs,
    Pace,
    Refuses,
    ScriptedModel,
    scripted_card,
)
from modelnet.resource.directory import Offer
from modelnet.service.ability import Finding, Speed, claims

pytestmark = pytest.mark.anyio
STORY = "Once upon a time a fox met a crow."


class Braggart:
    """Claims what it does not do; what it is told not to do, it does."""

    def __init__(self) -> None:
        self.card = ModelCard(
            name="braggart",
            engine="scripted",
            operations=("chat", "embed"),
            parallel=2,
            has_tools=True,
            has_schema=True,
            has_logprobs=True,
            context_length=50,
            embedding_size=3,
        )

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        assert deadline > 0
        if isinstance(request, Embed):
            vectors = tuple(struct.pack("<f", 1) for _ in request.inputs)
            yield Chunk(vectors=vectors, finish="stop", usage=Usage(1, 0))
            return
        yield Chunk(STORY, n_tokens=9)
        yield Chunk(finish="stop", usage=Usage(1, 9))


async def probed(world, *models) -> tuple[dict[str, dict[str, Finding]], dict[str, Speed]]:
    """Return what a node finds out of the models of another, and how fast they are."""
    alice, _ = await world.node("alice"), await world.node("bob", *models)
    await world.offers(alice, len(models))
    findings: dict[str, dict[str, Finding]] = {}
    speeds: dict[str, Speed] = {}
    for offer in alice.offers():
        name = offer.card.name
        for found in await _all(alice, offer):
            if isinstance(found, Finding):
                findings.setdefault(name, {})[found.ability] = found
            else:
                speeds[name] = found
    return findings, speeds


async def _all(node, offer: Offer) -> list[Finding | Speed]:
    async with aclosing(node.parts.prober.probe(offer)) as found:
        return [one async for one in found]


def teller(name: str = "teller", **changes) -> ScriptedModel:
    changes = {"card": scripted_card(name), **changes}
    return ScriptedModel(lambda _: STORY, **changes)


async def test_an_honest_model(world):
    model = teller(pace=Pace(0.5, 10.0))
    findings, speeds = await probed(world, model)
    told = {ability: one.verdict for ability, one in findings["teller"].items()}
    assert told == dict.fromkeys(claims(model.card), "works")
    assert {"chat", "complete", "embed", "continuation", "concurrency"} <= set(told)
    assert speeds["teller"].first_token_s == pytest.approx(0.6, abs=0.05)
    assert speeds["teller"].tokens_per_s == pytest.approx(10, rel=0.2)
    assert findings["teller"]["chat"].seconds > 0.5


async def test_claims_are_not_believed(world):
    findings, _ = await probed(world, Braggart())
    told = {ability: (one.verdict, one.why) for ability, one in findings["braggart"].items()}
    assert told.pop("chat") == ("works", "")
    assert told.pop("concurrency") == ("works", "")
    assert told == {
        "embed": ("fails", "Its vectors have 1 numbers; its card says 3."),
        "tools": ("fails", "It answered in words and called no tool."),
        "schema": ("fails", "It answered with something else than the schema allows."),
        "logprobs": ("fails", "It told no log-probabilities."),
        "continuation": ("fails", "It began anew instead of going on."),
        "context": (
            "fails",
            "It answered what is longer than its context, so it left out a part.",
        ),
    }


@pytest.mark.parametrize(
    ("failure", "verdict"), [(Dies(), "fails"), (Hangs(), "fails"), (Refuses(), "untried")]
)
async def test_a_model_that_does_not_answer(world, failure, verdict: str):
    findings, speeds = await probed(world, teller(failure=failure))
    found = findings["teller"]
    assert {one.verdict for name, one in found.items() if name != "continuation"} == {verdict}
    assert found["continuation"].verdict == "untried"
    assert not speeds


async def test_a_node_that_leaves_is_no_failure_of_its_model(world):
    alice, bob = await world.node("alice"), await world.node("bob", teller(failure=Hangs(1)))
    await world.offers(alice, 1)
    found: list[Finding | Speed] = []

    async def watch() -> None:
        found.extend(await _all(alice, alice.offers()[0]))

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await anyio.sleep(1)
        world.hub.crash(bob.id)
    assert {one.verdict for one in found if isinstance(one, Finding)} == {"untried"}


async def test_leaving_ends_the_trial(world):
    model = teller(failure=Hangs(1))
    alice, _ = await world.node("alice"), await world.node("bob", model)
    await world.offers(alice, 1)
    with anyio.move_on_after(1) as scope:
        await _all(alice, alice.offers()[0])
    assert scope.cancelled_caught
    with anyio.fail_after(5):
        while model.running:  # noqa: ASYNC110 - the model tells nobody
            await anyio.sleep(0.01)


async def test_its_own_models_are_tried_in_the_same_way(world):
    alice = await world.node("alice", teller())
    await world.offers(alice, 1)
    found = await _all(alice, alice.offers()[0])
    assert {one.verdict for one in found if isinstance(one, Finding)} == {"works"}


@pytest.mark.parametrize("cost", [{"price": Price(1.0, 2.0)}, {"is_metered": True}])
async def test_what_costs_money_is_tried_only_when_named(world, cost):
    card = msgspec.structs.replace(scripted_card("dear"), **cost)
    model = ScriptedModel(lambda _: STORY, card=card)
    alice = await world.node("alice", model, teller("free"))
    await world.offers(alice, 2)
    (route,) = probe_routes(alice.parts.coordinator, alice.parts.prober).values()

    for senseless in (b"[", b'{"model": 7}', b"\xff", b"[" * 100_000):
        with pytest.raises(InvalidRequestError):
            await route(HttpRequest(path="/", headers={}, allow=lambda _: None, body=senseless))

    async def events(body: bytes) -> list[dict]:
        http = HttpRequest(path="/", headers={}, allow=lambda _: None, body=body)
        stream = await route(http)
        lines = [event async for event in stream.events]
        assert lines[-1] == b"data: [DONE]\n\n"
        return [msgspec.json.decode(line[6:]) for line in lines[:-1]]

    for body in (b"", b"{}", b'{"model": "auto"}'):
        told = await events(body)
        assert {"id": "dear@alice", "skipped": COSTS_MONEY} in told
        assert {one["id"] for one in told if "finding" in one} == {"free@alice"}
    assert model.requests == []
    for named in (b'{"model": "dear"}', b'{"model": "dear@alice"}'):
        told = await events(named)
        assert {one["id"] for one in told} == {"dear@alice"}
    with pytest.raises(UnknownModelError):
        await events(b'{"model": "nope"}')
    assert any(isinstance(request, Chat | Complete) for request in model.requests)
