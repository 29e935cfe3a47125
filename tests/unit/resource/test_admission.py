"""The door of a model: places, a short queue, early refusal."""

import time
from contextlib import aclosing

import anyio
import pytest

from modelnet.core.error import DeadlineError, OverloadedError
from modelnet.core.load import ModelLoad
from modelnet.core.request import Chat, Message
from modelnet.resource.admission import WAITING_PER_PLACE, AdmittedModel
from modelnet.resource.backend.scripted import Hangs, ScriptedModel, scripted_card

pytestmark = pytest.mark.anyio
CHAT = Chat((Message("user", "hello"),))


async def admitted(*, parallel: int = 1, **options) -> AdmittedModel:
    model = ScriptedModel(card=scripted_card("m", parallel=parallel), **options)
    door = AdmittedModel(model, time.time)
    await door.start()
    return door


async def drain(door: AdmittedModel, *, within_s: float = 5.0) -> str:
    async with aclosing(door.run(CHAT, deadline=time.time() + within_s)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def test_an_answer_passes_through():
    door = await admitted()
    assert await drain(door) == "hello"
    assert door.load == ModelLoad(0, 0, 1)
    assert door.card.name == "m"
    await door.stop()


async def test_beyond_places_and_queue_requests_are_refused_at_once():
    door = await admitted(parallel=2, failure=Hangs(0))
    async with anyio.create_task_group() as group:
        for _ in range(2 + 2 * WAITING_PER_PLACE):
            group.start_soon(drain, door)
        await anyio.wait_all_tasks_blocked()
        assert door.load == ModelLoad(2, 2 * WAITING_PER_PLACE, 2)
        began = time.time()
        with pytest.raises(OverloadedError) as caught:
            await drain(door)
        assert time.time() - began < 0.5
        assert caught.value.retry_after_s is not None
        assert caught.value.retry_after_s > 0
        group.cancel_scope.cancel()
    assert door.load == ModelLoad(0, 0, 2)


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
    assert door.load == ModelLoad(0, 0, 1)
