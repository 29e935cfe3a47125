"""The door of a model: places, a short queue, early refusal."""

import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.core.chunk import Chunk, Usage
from modelnet.core.error import DeadlineError, EngineError, OverloadedError
from modelnet.core.identity import NodeId
from modelnet.core.request import Chat, Message
from modelnet.resource.admission import WAITING_PER_PLACE, AdmittedModel
from modelnet.resource.backend.scripted import Hangs, ScriptedModel, scripted_card
from modelnet.testbed.virtual_time import run_virtual, virtual_clock

pytestmark = pytest.mark.anyio
CHAT = Chat((Message("user", "hello"),))


def now(door):
    """How many run and wait, on how many places."""
    return door.load.running, door.load.waiting, door.load.parallel


async def admitted(*, parallel: int = 1, **options) -> AdmittedModel:
    model = ScriptedModel(card=scripted_card("m", parallel=parallel), **options)
    door = AdmittedModel(model, time.time)
    await door.start()
    return door


async def drain(door: AdmittedModel, *, within_s: float = 5.0, asker: NodeId | None = None) -> str:
    deadline = time.time() + within_s
    async with aclosing(door.run(CHAT, deadline=deadline, asker=asker)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def test_an_answer_passes_through():
    door = await admitted()
    assert await drain(door) == "hello"
    assert now(door) == (0, 0, 1)
    assert door.card.name == "m"
    await door.stop()


async def test_beyond_places_and_queue_requests_are_refused_at_once():
    door = await admitted(parallel=2, failure=Hangs(0))
    async with anyio.create_task_group() as group:
        for _ in range(2 + 2 * WAITING_PER_PLACE):
            group.start_soon(drain, door)
        await anyio.wait_all_tasks_blocked()
        assert now(door) == (2, 2 * WAITING_PER_PLACE, 2)
        began = time.time()
        with pytest.raises(OverloadedError) as caught:
            await drain(door)
        assert time.time() - began < 0.5
        assert caught.value.retry_after_s is not None
        assert caught.value.retry_after_s > 0
        group.cancel_scope.cancel()
    assert now(door) == (0, 0, 2)


async def test_who_would_wait_past_the_deadline_is_refused_at_once():
    door = await admitted(failure=Hangs(0))
    async with anyio.create_task_group() as group:
        group.start_soon(drain, door)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(OverloadedError):
            await drain(door, within_s=0.01)
        group.cancel_scope.cancel()


async def test_the_deadline_holds_while_waiting():
    door = await admitted(failure=Hangs(0))
    async with anyio.create_task_group() as group:
        group.start_soon(drain, door)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(DeadlineError, match="waiting"):
            await drain(door, within_s=0.15)
        group.cancel_scope.cancel()
    assert now(door) == (0, 0, 1)


ALICE, BOB = NodeId("alice"), NodeId("bob")


class Turnstile:
    """A model of one place whose answers end when the test says so."""

    card = scripted_card("m", parallel=1)

    def __init__(self) -> None:
        self.ends: list[anyio.Event] = []

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def run(self, _request, *, deadline):  # noqa: ARG002
        end = anyio.Event()
        self.ends.append(end)
        await end.wait()
        yield Chunk("done", finish="stop", usage=Usage(1, 1))

    async def end_one(self) -> None:
        """End the answer under way, and let whoever comes next begin."""
        self.ends[-1].set()
        await anyio.wait_all_tasks_blocked()


class Street:
    """People before a door: who was served, in order, and who was sent away."""

    def __init__(self, group) -> None:
        self.model = Turnstile()
        self.door = AdmittedModel(self.model, time.time)
        self.served: list[str] = []
        self.sent_away: list[str] = []
        self._group = group

    async def arrives(self, asker: NodeId | None, name: str) -> anyio.CancelScope:
        scope = anyio.CancelScope()

        async def ask() -> None:
            with scope:
                try:
                    await drain(self.door, within_s=60, asker=asker)
                except OverloadedError:
                    self.sent_away.append(name)
                else:
                    self.served.append(name)

        self._group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        return scope

    async def empty(self) -> None:
        while self.door.load.running:
            await self.model.end_one()


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Street]:
    async with anyio.create_task_group() as group:
        yield Street(group)
        group.cancel_scope.cancel()


async def test_askers_take_turns_and_this_nodes_clients_are_one_of_them():
    async with opened() as street:
        for number in range(3):
            await street.arrives(ALICE, f"alice{number}")
        await street.arrives(None, "mine0")
        await street.arrives(BOB, "bob0")
        await street.arrives(None, "mine1")
        await street.empty()
        assert street.served == ["alice0", "alice1", "mine0", "bob0", "alice2", "mine1"]


async def test_a_full_queue_makes_room_for_who_has_less_of_it():
    async with opened() as street:
        for number in range(1 + WAITING_PER_PLACE):
            await street.arrives(ALICE, f"alice{number}")
        await street.arrives(ALICE, "one too many")
        assert street.sent_away == ["one too many"]
        await street.arrives(BOB, "bob0")
        assert street.sent_away[1:] == [f"alice{WAITING_PER_PLACE}"]
        await street.model.end_one()
        await street.model.end_one()
        await street.model.end_one()
        assert street.served == ["alice0", "alice1", "bob0"]


async def test_who_leaves_while_waiting_leaves_no_hole():
    async with opened() as street:
        await street.arrives(ALICE, "alice0")
        impatient = await street.arrives(BOB, "bob0")
        await street.arrives(ALICE, "alice1")
        impatient.cancel()
        await anyio.wait_all_tasks_blocked()
        assert now(street.door) == (1, 1, 1)
        await street.empty()
        assert street.served == ["alice0", "alice1"]
        assert now(street.door) == (0, 0, 1)


async def test_who_leaves_as_its_turn_comes_hands_the_place_on():
    async with opened() as street:
        await street.arrives(ALICE, "alice0")
        called = await street.arrives(BOB, "bob0")
        await street.arrives(ALICE, "alice1")
        street.model.ends[-1].set()
        while street.door.load.waiting == 2:
            await anyio.lowlevel.checkpoint()
        called.cancel()
        await anyio.wait_all_tasks_blocked()
        assert now(street.door) == (1, 0, 1)
        await street.empty()
        assert street.served == ["alice0", "alice1"]
        assert now(street.door) == (0, 0, 1)


@pytest.mark.parametrize("within_s", [0.9, 1.0, 1.1])
def test_no_place_is_lost_where_the_turn_comes_as_the_deadline_passes(within_s):
    class ASecond(Turnstile):
        async def run(self, _request, *, deadline):  # noqa: ARG002
            await anyio.sleep(1.0)
            yield Chunk("done", finish="stop", usage=Usage(1, 1))

    async def main() -> None:
        door = AdmittedModel(ASecond(), virtual_clock)

        async def ask(within_s: float) -> None:
            deadline = virtual_clock() + within_s
            with contextlib.suppress(DeadlineError):
                async with aclosing(door.run(CHAT, deadline=deadline)) as chunks:
                    assert [chunk.text async for chunk in chunks] == ["done"]

        async with anyio.create_task_group() as group:
            group.start_soon(ask, 60.0)
            group.start_soon(ask, within_s)
        assert now(door) == (0, 0, 1)

    run_virtual(main)


async def test_an_answer_that_fails_gives_its_place_back():
    class Broken(Turnstile):
        async def run(self, _request, *, deadline):  # noqa: ARG002
            raise ValueError("a defect of the model")
            yield

    door = AdmittedModel(Broken(), time.time)
    for _ in range(3):
        with pytest.raises(EngineError, match="ValueError"):
            await drain(door)
    assert now(door) == (0, 0, 1)


async def test_how_long_to_wait_is_learnt_from_those_that_still_run():
    now = 1000.0
    model = Turnstile()
    door = AdmittedModel(model, lambda: now)

    async def ask(within_s: float) -> None:
        async with aclosing(door.run(CHAT, deadline=now + within_s, asker=None)) as chunks:
            async for _ in chunks:
                pass

    async with anyio.create_task_group() as group:
        group.start_soon(ask, 600)
        await anyio.wait_all_tasks_blocked()
        now += 30
        with pytest.raises(OverloadedError) as caught:
            await ask(20)
        assert caught.value.retry_after_s == pytest.approx(30)
        group.cancel_scope.cancel()


@settings(deadline=None, max_examples=60)
@given(
    places=st.integers(1, 3),
    steps=st.lists(st.tuples(st.sampled_from("ascx"), st.integers(0, 9)), max_size=40),
)
def test_no_place_is_ever_lost(places, steps):
    """Requests arrive, end, and are cancelled in any order: afterwards all places are free."""

    async def main() -> None:
        ends: list[anyio.Event] = []
        scopes: list[anyio.CancelScope] = []

        class Crossing(Turnstile):
            card = scripted_card("m", parallel=places)

            async def run(self, _request, *, deadline):  # noqa: ARG002
                assert door.load.running <= places
                end = anyio.Event()
                ends.append(end)
                await end.wait()
                yield Chunk("done", finish="stop", usage=Usage(1, 1))

        door = AdmittedModel(Crossing(), time.time)
        left = 0

        async def ask(asker: NodeId, scope: anyio.CancelScope) -> None:
            nonlocal left
            with scope, contextlib.suppress(OverloadedError):
                await drain(door, within_s=600, asker=asker)
            left += 1

        async with anyio.create_task_group() as group:
            for action, number in steps:
                if action == "a":
                    scopes.append(anyio.CancelScope())
                    group.start_soon(ask, NodeId(str(number % 3)), scopes[-1])
                elif action == "s" and ends:
                    ends[number % len(ends)].set()
                elif action == "c" and scopes:
                    scopes[number % len(scopes)].cancel()
                else:
                    await anyio.lowlevel.checkpoint()
            while left < len(scopes):
                for end in ends:
                    end.set()
                await anyio.lowlevel.checkpoint()
        assert now(door) == (0, 0, places)
        assert await _passes(door, ends) == "done"

    anyio.run(main)


async def _passes(door: AdmittedModel, ends: list[anyio.Event]) -> str:
    told: list[str] = []

    async def ask() -> None:
        told.append(await drain(door))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        ends[-1].set()
    return told[0]
