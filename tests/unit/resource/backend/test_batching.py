"""Askers share batches, and nothing else: not their failures, not their leaving."""

import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest

from modelnet.core.error import EngineError, InvalidRequestError
from modelnet.resource.backend.batching import Abandonment, Batcher, Shape

pytestmark = pytest.mark.anyio
PATIENCE_S = 10.0


class Engine:
    """Doubles numbers, remembers its batches, refuses 13, and waits where a gate is closed."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.abandoned: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.has_begun = threading.Event()

    def run(self, items: Sequence[int], abandonment: Abandonment) -> list[int]:
        self.batches.append([*items])
        self.has_begun.set()
        abandonment.on(lambda: self._leave([*items]))
        self.gate.wait(PATIENCE_S)
        if 13 in items:
            raise InvalidRequestError("13 is refused.")
        return [2 * item for item in items]

    def _leave(self, items: list[int]) -> None:
        self.abandoned.append(items)
        self.gate.set()


@asynccontextmanager
async def batcher(
    engine: Engine, shape_of: Callable[[int], Shape] = lambda _: Shape("one kind", 1), **fields: int
) -> AsyncIterator[Batcher[int, int]]:
    made = Batcher[int, int](engine.run, shape_of, **({"workers": 1, "max_size": 100} | fields))
    try:
        with anyio.fail_after(PATIENCE_S):
            yield made
    finally:
        made.close()
        engine.gate.set()


async def ask_all(made: Batcher[int, int], items: Sequence[int]) -> dict[int, int]:
    answers: dict[int, int] = {}

    async def ask(item: int) -> None:
        answers[item] = await made.ask(item)

    async with anyio.create_task_group() as group:
        for item in items:
            group.start_soon(ask, item)
    return answers


async def begun(engine: Engine) -> None:
    assert await anyio.to_thread.run_sync(engine.has_begun.wait, PATIENCE_S)


async def test_what_is_asked_within_one_turn_runs_as_one_and_each_gets_its_own():
    engine = Engine()
    async with batcher(engine) as made:
        assert await ask_all(made, [1, 2, 3]) == {1: 2, 2: 4, 3: 6}
    assert engine.batches == [[1, 2, 3]]


async def test_what_is_asked_while_the_engine_is_busy_runs_as_one():
    engine = Engine()
    engine.gate.clear()
    async with batcher(engine) as made, anyio.create_task_group() as group:
        group.start_soon(made.ask, 1)
        await begun(engine)
        for item in (2, 3, 4):
            group.start_soon(made.ask, item)
            await anyio.wait_all_tasks_blocked()
        engine.gate.set()
    assert engine.batches == [[1], [2, 3, 4]]


async def test_a_batch_is_no_larger_than_allowed_and_a_large_item_runs_alone():
    engine = Engine()
    async with batcher(engine, lambda item: Shape("", item), max_size=5) as made:
        await ask_all(made, [2, 3, 1, 9, 4])
    assert engine.batches == [[2, 3], [1, 4], [9]]


async def test_only_items_of_one_kind_share_a_batch():
    engine = Engine()
    async with batcher(engine, lambda item: Shape(item % 2, 1)) as made:
        await ask_all(made, [1, 2, 3, 4])
    assert engine.batches == [[1, 3], [2, 4]]


async def test_items_of_no_kind_share_with_nobody():
    engine = Engine()
    async with batcher(engine, lambda _: Shape(None, 1)) as made:
        await ask_all(made, [1, 2])
    assert engine.batches == [[1], [2]]


async def test_a_bad_item_does_not_spoil_its_neighbours():
    engine = Engine()
    refused: list[InvalidRequestError] = []

    async def ask_badly(made: Batcher[int, int]) -> None:
        try:
            await made.ask(13)
        except InvalidRequestError as error:
            refused.append(error)

    async with batcher(engine) as made, anyio.create_task_group() as group:
        group.start_soon(ask_badly, made)
        assert await ask_all(made, [1, 2]) == {1: 2, 2: 4}
    assert len(refused) == 1
    assert engine.batches == [[13, 1, 2], [13], [1], [2]]


async def test_who_leaves_before_the_batch_runs_is_not_in_it():
    engine = Engine()
    engine.gate.clear()
    async with batcher(engine) as made, anyio.create_task_group() as group:
        group.start_soon(made.ask, 1)
        await begun(engine)
        group.start_soon(made.ask, 2)
        with anyio.move_on_after(0.01):
            await made.ask(3)
        engine.gate.set()
    assert engine.batches == [[1], [2]]


async def test_who_leaves_a_running_batch_leaves_the_others_to_their_answers():
    engine = Engine()
    engine.gate.clear()
    async with batcher(engine) as made, anyio.create_task_group() as group:
        scope = anyio.CancelScope()

        async def leave() -> None:
            with scope:
                await made.ask(1)

        answers: list[int] = []

        async def stay(item: int) -> None:
            answers.append(await made.ask(item))

        group.start_soon(leave)
        group.start_soon(stay, 2)
        group.start_soon(stay, 3)
        await begun(engine)
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        assert engine.abandoned == []
        engine.gate.set()
    assert engine.batches == [[1, 2, 3]]
    assert answers == [4, 6]


async def test_a_batch_that_everybody_left_is_told_so():
    engine = Engine()
    engine.gate.clear()
    async with batcher(engine) as made:
        async with anyio.create_task_group() as group:
            group.start_soon(made.ask, 1)
            group.start_soon(made.ask, 2)
            await begun(engine)
            group.cancel_scope.cancel()
        assert engine.abandoned == [[1, 2]]
        assert await made.ask(5) == 10


async def test_an_abandonment_heard_of_late_interrupts_at_once():
    heard: list[str] = []
    abandonment = Abandonment()
    abandonment.set()
    abandonment.on(lambda: heard.append("left"))
    assert abandonment
    assert heard == ["left"]


async def test_at_most_so_many_batches_run_at_once():
    engine = Engine()
    engine.gate.clear()
    async with (
        batcher(engine, lambda _: Shape(None, 1), workers=2) as made,
        anyio.create_task_group() as group,
    ):
        for item in range(5):
            group.start_soon(made.ask, item)
        await begun(engine)
        await anyio.wait_all_tasks_blocked()
        assert made.running == 2
        engine.gate.set()
    assert made.running == 0


async def test_an_engine_that_answers_another_number_of_items_is_at_fault():
    made = Batcher[int, int](lambda _, __: [1, 2], lambda _: Shape("", 1), workers=1, max_size=9)
    with pytest.raises(EngineError, match="number of items"):
        await made.ask(1)
    made.close()


async def test_what_is_no_error_of_ours_reaches_every_asker_as_it_is():
    def run(items: Sequence[int], abandonment: Abandonment) -> list[int]:
        raise ZeroDivisionError

    made = Batcher[int, int](run, lambda _: Shape("", 1), workers=1, max_size=9)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await made.ask(1)
    made.close()
