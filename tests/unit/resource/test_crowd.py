"""An engine that others ask, too, is looked at: often while it is used, seldom while it is not."""

from contextlib import aclosing

import anyio
import pytest

from modelnet.core.error import EngineError
from modelnet.core.load import Crowd, EngineLoad, ModelLoad
from modelnet.core.request import Chat, Message
from modelnet.resource.admission import AdmittedModel
from modelnet.resource.backend.scripted import Hangs, ScriptedModel, scripted_card
from modelnet.resource.crowd import CALM_S, LOOK_TIMEOUT_S, PATIENCE_S
from modelnet.testbed.virtual_time import run_virtual, virtual_clock

CHAT = Chat((Message("user", "hello there"),))


class SharedModel(ScriptedModel):
    """A model that never ends its answers, on an engine of four places that others ask, too."""

    def __init__(self) -> None:
        super().__init__(card=scripted_card("m", parallel=4), failure=Hangs(1), clock=virtual_clock)
        self.others = 0
        self.ours = 0
        self.looks: list[float] = []
        self.error: Exception | None = None
        self.answers_after_s = 0.0

    async def engine_load(self, deadline: float) -> EngineLoad:
        assert deadline == pytest.approx(virtual_clock() + LOOK_TIMEOUT_S)
        self.looks.append(anyio.current_time())
        await anyio.sleep(self.answers_after_s)
        if self.error is not None:
            raise self.error
        return EngineLoad(self.others + self.ours, 0, 4)


async def started() -> tuple[SharedModel, AdmittedModel]:
    model = SharedModel()
    await model.start()
    return model, AdmittedModel(model, virtual_clock)


async def watch(door: AdmittedModel, seconds: float) -> None:
    until = anyio.current_time() + seconds
    while anyio.current_time() < until:
        await door.look()
        await anyio.sleep(0.5)


def test_strangers_are_counted_and_ours_are_not():
    async def main() -> None:
        model, door = await started()
        model.others, model.ours = 2, 1
        async with aclosing(door.run(CHAT, deadline=virtual_clock() + 60)) as chunks:
            await anext(chunks)
            assert door.load == ModelLoad(1, 0, 4, 1)
            await door.look()
            assert door.load == ModelLoad(3, 0, 4, 1)
        # Ours has ended; the strangers are believed to be still there.
        assert door.load == ModelLoad(2, 0, 4, 1)
        model.others = model.ours = 0
        await watch(door, 2)
        assert door.load == ModelLoad(0, 0, 4, 1)

    run_virtual(main)


def test_a_request_that_comes_while_the_engine_is_asked_is_no_stranger():
    async def main() -> None:
        model, door = await started()
        model.answers_after_s, model.ours = 1.0, 1

        async def ask() -> None:
            await anyio.sleep(0.3)
            with anyio.move_on_after(0.3):
                async with aclosing(door.run(CHAT, deadline=virtual_clock() + 60)) as chunks:
                    async for _ in chunks:
                        pass

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await door.look()
        assert door.load == ModelLoad(0, 0, 4, 1)

    run_virtual(main)


def test_an_engine_in_use_is_looked_at_every_second():
    async def main() -> None:
        model, door = await started()
        model.others = 1
        await watch(door, 20)
        assert 19 <= len(model.looks) <= 21

    run_virtual(main)


def test_an_engine_nobody_uses_may_go_to_sleep():
    async def main() -> None:
        model, door = await started()
        await watch(door, 4000)
        pauses = [b - a for a, b in zip(model.looks, model.looks[1:], strict=False)]
        assert pauses == sorted(pauses)
        assert len(model.looks) < 15
        assert 1000 < pauses[-1] <= CALM_S
        # Whoever asks it wakes the watch, too.
        async with aclosing(door.run(CHAT, deadline=virtual_clock() + 60)) as chunks:
            await anext(chunks)
            before = len(model.looks)
            await watch(door, 5)
        assert len(model.looks) - before >= 4

    run_virtual(main)


def test_an_engine_that_tells_nothing_is_asked_seldom_and_changes_nothing():
    async def main() -> None:
        model, door = await started()
        model.error = EngineError("It does not say.")
        async with aclosing(door.run(CHAT, deadline=virtual_clock() + 600)) as chunks:
            await anext(chunks)
            await watch(door, 120)
            assert len(model.looks) < 120 / PATIENCE_S + 6
            assert door.load == ModelLoad(1, 0, 4, 1)
            model.error, model.others, model.ours = None, 3, 1
            await watch(door, PATIENCE_S + 1)
            assert door.load == ModelLoad(4, 0, 4, 1)

    run_virtual(main)


@pytest.mark.parametrize("error", [EngineError("No."), RuntimeError("a bug of somebody")])
def test_strangers_are_forgotten_once_the_engine_tells_no_more(error: Exception):
    async def main() -> None:
        model, door = await started()
        model.others = 4
        await door.look()
        assert door.load.running == 4
        model.error = error
        await watch(door, 2)
        assert door.load == ModelLoad(0, 0, 4)

    run_virtual(main)


def test_an_engine_that_hangs_is_waited_for_only_so_long():
    async def main() -> None:
        model, door = await started()
        model.others = 4
        model.answers_after_s = 1e6
        began = anyio.current_time()
        await door.look()
        assert anyio.current_time() - began == LOOK_TIMEOUT_S
        assert door.load == ModelLoad(0, 0, 4)

    run_virtual(main)


def test_a_model_that_cannot_tell_is_not_asked():
    async def main() -> None:
        model = ScriptedModel(card=scripted_card("m", parallel=2))
        await model.start()
        door = AdmittedModel(model, virtual_clock)
        await door.look()
        assert door.load.within(Crowd()) == ModelLoad(0, 0, 2)

    run_virtual(main)
