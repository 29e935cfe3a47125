"""Trying answers that are code: once each, one at a time, in nobody's way."""

import anyio
import pytest

from modelnet.core.error import SetupError
from modelnet.core.identity import new_request_id
from modelnet.core.request import Chat, Message
from modelnet.core.task import Task
from modelnet.interaction.prover import MOST_WAITING, Prover
from modelnet.resource.sandbox.proof import Proof

pytestmark = pytest.mark.anyio

ANSWER = "So:\n```python\ndef f():\n    return 1\n```\n"
CODE = "def f():\n    return 1\n"


class Trying:
    """Says what it was told to, when it is let."""

    def __init__(self, *, is_right: bool | None = True, error: Exception | None = None) -> None:
        self.is_right = is_right
        self.error = error
        self.tried: list[tuple[str, str]] = []
        self.at_once = self.most_at_once = 0
        self.may_end = anyio.Event()
        self.may_end.set()

    async def judge(self, code: str, tests: str) -> Proof:
        self.tried.append((code, tests))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await anyio.lowlevel.checkpoint()
            await self.may_end.wait()
        finally:
            self.at_once -= 1
        if self.error is not None:
            raise self.error
        return Proof(self.is_right, "so it is")


def task(tests: str | None = "assert f() == 1") -> Task:
    request = Chat((Message("user", "write f"),))
    return Task(id=new_request_id(), request=request, deadline=1e12, tests=tests)


async def test_code_is_taken_from_the_answer_and_tried_once():
    trying = Trying()
    prover, one = Prover(trying), task()
    assert await prover.prove(one, ANSWER, time_s=5.0) is True
    assert await prover.prove(one, ANSWER + "Like it?", time_s=5.0) is True
    assert trying.tried == [(CODE, "assert f() == 1")]
    await prover.prove(task(), ANSWER, time_s=5.0)
    assert len(trying.tried) == 2


async def test_without_tests_or_leave_nothing_is_proven():
    trying = Trying()
    assert await Prover(trying).prove(task(None), ANSWER, time_s=5.0) is None
    assert await Prover().prove(task(), ANSWER, time_s=5.0) is None
    assert not Prover().can_prove(task())
    assert not Prover(trying).can_prove(task(None))
    assert trying.tried == []


@pytest.mark.parametrize("is_right", [True, False, None])
async def test_what_was_told_is_tried_afterwards(is_right):
    prover, told = Prover(Trying(is_right=is_right)), []
    prover.prove_later(task(), ANSWER, told.append)
    async with anyio.create_task_group() as group:
        group.start_soon(prover.run)
        await anyio.wait_all_tasks_blocked()
        prover.prove_later(task(), ANSWER, told.append)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert told == ([] if is_right is None else [is_right, is_right])


async def test_nobody_waits_longer_than_there_is_time():
    trying = Trying()
    trying.may_end = anyio.Event()
    prover, one = Prover(trying), task()
    assert await prover.prove(one, ANSWER, time_s=0.0) is None
    assert await prover.prove(one, ANSWER, time_s=0.01) is None
    assert trying.at_once == 0
    trying.may_end.set()
    assert await prover.prove(one, ANSWER, time_s=5.0) is True


async def test_one_is_tried_at_a_time():
    trying = Trying()
    prover = Prover(trying)
    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(lambda n: prover.prove(task(), f"x = {n}", time_s=5.0), number)
    assert (len(trying.tried), trying.most_at_once) == (4, 1)


async def test_those_that_wait_are_bounded():
    trying, told = Trying(), []
    prover = Prover(trying)
    for _ in range(MOST_WAITING + 5):
        prover.prove_later(task(), ANSWER, told.append)
    async with anyio.create_task_group() as group:
        group.start_soon(prover.run)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert len(told) == MOST_WAITING
    assert trying.most_at_once == 1


@pytest.mark.parametrize("error", [SetupError("no walls"), OSError("no processes")])
async def test_a_sandbox_that_fails_proves_nothing_and_goes_on(error):
    trying, told = Trying(error=error), []
    prover = Prover(trying)
    assert await prover.prove(task(), ANSWER, time_s=5.0) is None
    prover.prove_later(task(), ANSWER, told.append)
    async with anyio.create_task_group() as group:
        group.start_soon(prover.run)
        await anyio.wait_all_tasks_blocked()
        trying.error = None
        prover.prove_later(task(), ANSWER, told.append)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert told == [True]
