"""Batching: what is asked while the engine is busy, or within one turn of the loop, runs as one.

A batch runs in a thread. Nobody waits for a batch to fill: where a thread is free, what has come
runs. Each asker gets its own result; where a batch fails its items run alone, so that one does not
spoil the others. A batch ends as a whole: where items take unequally long, all await the slowest.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from modelnet.core.error import EngineError, ModelnetError
from modelnet.resource.backend.thread import Threads

Item = TypeVar("Item")
Result = TypeVar("Result")


class Shape(NamedTuple):
    """How an item goes into a batch."""

    kind: Hashable
    """Only items of one kind share a batch; `None` shares with nobody."""
    size: int
    """How much of the batch it takes."""


class Abandonment:
    """Tells a running batch that nobody waits for it any more; asked and told from any thread."""

    def __init__(self) -> None:
        self._is_set = False
        self._interrupt: Callable[[], None] | None = None

    def __bool__(self) -> bool:
        """Whether everybody has left."""
        return self._is_set

    def on(self, interrupt: Callable[[], None]) -> None:
        """Call a function, which may not fail, once everybody has left; at once if they have."""
        self._interrupt = interrupt
        if self._is_set:
            interrupt()

    def set(self) -> None:
        """Say that everybody has left."""
        self._is_set = True
        if self._interrupt is not None:
            self._interrupt()


Run = Callable[[Sequence[Item], Abandonment], Sequence[Result]]
"""Answers a batch in a thread, a result an item; what it raises of ours counts against an item."""


class _Asked(Generic[Item, Result]):
    """An item, and the future its asker waits for."""

    def __init__(self, item: Item, shape: Shape, loop: asyncio.AbstractEventLoop) -> None:
        self.item = item
        self.shape = shape
        self.answer: asyncio.Future[Result] = loop.create_future()
        self.batch: _Batch[Item, Result] | None = None

    def leave(self) -> None:
        """Wait no longer, whether the answer came or not."""
        if self.batch is not None:
            self.batch.leave()
        if self.answer.done() and not self.answer.cancelled():
            self.answer.exception()  # Seen: asyncio complains of a failure that nobody looked at.


class _Batch(Generic[Item, Result]):
    """Items that run together."""

    def __init__(self, asked: list[_Asked[Item, Result]]) -> None:
        self.asked = asked
        self.abandonment = Abandonment()
        for one in asked:
            one.batch = self

    def leave(self) -> None:
        """Note that an asker has left: the last one ends the work."""
        if not self.abandonment and all(one.answer.done() for one in self.asked):
            self.abandonment.set()


class Batcher(Generic[Item, Result]):
    """Runs items in batches of at most `max_size`, at most `workers` batches at once.

    Everything but `run` happens on the event loop; an item larger than a batch runs alone.
    """

    def __init__(
        self,
        run: Run[Item, Result],
        shape_of: Callable[[Item], Shape],
        *,
        workers: int,
        max_size: int,
        name: str = "batch",
    ) -> None:
        self._run = run
        self._shape_of = shape_of
        self._max_size = max_size
        self._workers = workers
        self._threads = Threads(workers, name)
        self._waiting: deque[_Asked[Item, Result]] = deque()
        self._is_due = False
        self._is_closed = False
        self.running = 0
        """Batches under way, and those whose askers have left but whose thread has not."""

    async def ask(self, item: Item) -> Result:
        """Return the result of an item; whoever is cancelled leaves the others to theirs.

        Raises:
            ModelnetError: what `run` raised for this item.
        """
        loop = asyncio.get_running_loop()
        asked = _Asked[Item, Result](item, self._shape_of(item), loop)
        self._waiting.append(asked)
        self._begin_soon(loop)
        try:
            return await asked.answer
        finally:
            asked.leave()

    def close(self) -> None:
        """Begin no batch any more; call it when nobody waits. A batch that runs is left to end."""
        self._is_closed = True
        self._threads.close()

    def _begin_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        # Not now: those who ask within the same turn of the loop belong to the same batch.
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_due = False
        # Once closed, those who waited have heard of it from their lifetime.
        while self.running < self._workers and not self._is_closed and (taken := self._take()):
            batch = _Batch(taken)
            self.running += 1
            self._threads.hand_over(partial(self._end, loop, batch), self._do, batch)

    def _take(self) -> list[_Asked[Item, Result]]:
        """Take the oldest item and those that may share its batch; those who left are dropped."""
        taken: list[_Asked[Item, Result]] = []
        kept: deque[_Asked[Item, Result]] = deque()
        size = 0
        for one in self._waiting:
            if one.answer.done():
                continue
            if not taken or (size + one.shape.size <= self._max_size and _share(taken[0], one)):
                taken.append(one)
                size += one.shape.size
            else:
                kept.append(one)
        self._waiting = kept
        return taken

    def _do(self, batch: _Batch[Item, Result]) -> list[Result | ModelnetError]:
        items = [one.item for one in batch.asked]
        try:
            return [*self._run(items, batch.abandonment)]
        except ModelnetError as error:
            if len(items) == 1:
                return [error]
        return [self._do_alone(item, batch.abandonment) for item in items]

    def _do_alone(self, item: Item, abandonment: Abandonment) -> Result | ModelnetError:
        try:
            return self._run([item], abandonment)[0]
        except ModelnetError as error:
            return error

    def _end(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: _Batch[Item, Result],
        results: list[Result | ModelnetError] | None,
        error: BaseException | None,
    ) -> None:
        self.running -= 1
        self._begin(loop)
        if results is not None and len(results) != len(batch.asked):
            error = EngineError("The engine answered another number of items; ask another model.")
        for place, one in enumerate(batch.asked):
            if not one.answer.done():
                _settle(one.answer, error or (results or [])[place])


def _share(first: _Asked[Any, Any], other: _Asked[Any, Any]) -> bool:
    return first.shape.kind is not None and first.shape.kind == other.shape.kind


def _settle(answer: "asyncio.Future[Result]", result: "Result | BaseException") -> None:
    if isinstance(result, BaseException):
        answer.set_exception(result)
    else:
        answer.set_result(result)
