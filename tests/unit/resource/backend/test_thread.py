"""Threads: results come back, askers may leave, no more at once than told."""

import threading
from contextlib import aclosing

import anyio
import anyio.lowlevel
import pytest

from modelnet.core.error import OverloadedError
from modelnet.resource.backend.thread import Threads

pytestmark = pytest.mark.anyio
PATIENCE_S = 5.0


def fail(error: Exception) -> None:
    raise error


async def until_idle(threads: Threads) -> None:
    with anyio.fail_after(PATIENCE_S):
        while threads.running:  # noqa: ASYNC110 - nobody tells when a thread left behind ends
            await anyio.sleep(0.001)


async def test_a_result_comes_back():
    threads = Threads(1)
    assert await threads.run(lambda a, b: a + b, 1, 2) == 3
    assert threads.running == 0
    threads.close()


async def test_what_a_call_raises_is_the_askers():
    threads = Threads(1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(fail, ZeroDivisionError())
    with pytest.raises(RuntimeError, match="StopIteration"):
        await threads.run(fail, StopIteration())
    assert await threads.run(int, "7") == 7
    threads.close()


async def test_a_call_left_behind_keeps_its_place_until_it_ends():
    threads, gate = Threads(1), threading.Event()
    with anyio.move_on_after(0.01):
        await threads.run(gate.wait, PATIENCE_S)
    assert threads.running == 1
    with pytest.raises(OverloadedError):
        await threads.run(int)
    gate.set()
    await until_idle(threads)
    assert await threads.run(int) == 0
    threads.close()


async def test_calls_handed_over_wait_for_a_thread():
    threads, gate = Threads(2), threading.Event()
    at_once: list[int] = []

    def note() -> None:
        gate.wait(PATIENCE_S)
        at_once.append(threads.running)

    answers = [threads.submit(note) for _ in range(5)]
    assert threads.running == 5
    assert sum(one.name == "model" for one in threading.enumerate()) <= 2
    gate.set()
    for answer in answers:
        await answer
    assert threads.running == 0
    threads.close()


async def test_threads_end_when_closed_and_begin_anew_when_needed():
    threads = Threads(1, "to be closed")
    assert await threads.run(int) == 0
    worker = next(one for one in threading.enumerate() if one.name == "to be closed")
    threads.close()
    worker.join(PATIENCE_S)
    assert not worker.is_alive()
    assert await threads.run(int) == 0
    threads.close()


async def test_the_end_of_threads_can_be_waited_for():
    threads, gate = Threads(2), threading.Event()
    answers = [threads.submit(gate.wait, PATIENCE_S) for _ in range(3)]
    async with anyio.create_task_group() as group:
        group.start_soon(threads.end)
        await anyio.lowlevel.checkpoint()
        assert threads.running == 3
        gate.set()
    assert threads.running == 0
    assert [await answer for answer in answers] == [True] * 3


async def test_a_generator_is_stepped_through_and_closed():
    closed: list[bool] = []

    def count():
        try:
            yield from range(10)
        finally:
            closed.append(True)

    threads = Threads(1)
    async with aclosing(threads.iterate(count())) as numbers:
        assert [await anext(numbers) for _ in range(3)] == [0, 1, 2]
    assert closed == [True]
    threads.close()


def test_a_call_that_outlives_its_event_loop_gives_its_place_back():
    threads, gate = Threads(1), threading.Event()

    async def leave_behind() -> None:
        with anyio.move_on_after(0.01):
            await threads.run(gate.wait, PATIENCE_S)

    async def go_on() -> int:
        await until_idle(threads)
        return await threads.run(int, "7")

    anyio.run(leave_behind)
    gate.set()
    assert anyio.run(go_on) == 7
    threads.close()
