"""Running blocking calls in threads of our own, which a cancelled asker may leave behind.

Handing a call to such a thread and its result back takes 22 us where `ThreadPoolExecutor` takes 46
and `anyio.to_thread` 73: a model that answers at once shows the difference.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

import anyio.to_thread

from modelnet.core.error import OverloadedError

T = TypeVar("T")

END: Any = object()
"""What the end of a generator looks like: functions may return anything, `None` too."""


Done = Callable[[Any, BaseException | None], None]
"""Told on the event loop what a call returned, or what it raised."""


class _Call(NamedTuple):
    loop: asyncio.AbstractEventLoop
    done: Done
    function: Callable[..., Any]
    args: tuple[Any, ...]


class Threads:
    """At most so many blocking calls at once; one whose asker has left still counts until it ends.

    Threads begin when they are needed, end with `close`, and keep no process alive.
    """

    def __init__(self, limit: int, name: str = "model") -> None:
        self._limit = limit
        self._name = name
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._running = 0
        self._counting = threading.Lock()

    @property
    def running(self) -> int:
        """Calls that were handed over and have not ended."""
        return self._running

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Return what a function returns; a cancelled asker leaves its call behind.

        Raises:
            OverloadedError: no thread is free.
        """
        if self.running >= self._limit:
            raise OverloadedError(
                "All threads of the function are busy; try again later.", retry_after_s=1.0
            )
        return await self.submit(function, *args)

    def submit(self, function: Callable[..., T], *args: Any) -> "asyncio.Future[T]":
        """Hand a call over, to run as soon as a thread is free; the future gets its result."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.hand_over(partial(_settle, answer), function, *args)
        return answer

    def hand_over(self, done: Done, function: Callable[..., Any], *args: Any) -> None:
        """Hand a call over, to run as soon as a thread is free; `done` hears how it ended."""
        loop = asyncio.get_running_loop()
        self._count(1)
        if len(self._threads) < min(self._limit, self._running):
            thread = threading.Thread(
                target=self._work, args=(self._calls,), name=self._name, daemon=True
            )
            self._threads.append(thread)
            thread.start()
        self._calls.put(_Call(loop, done, function, args))

    async def iterate(self, texts: Generator[Any, None, None]) -> AsyncGenerator[Any, None]:
        """Step through a generator in threads, and close it at the end."""
        try:
            while (text := await self.run(next, texts, END)) is not END:
                yield text
        finally:
            # A generator still stepping in a thread left behind closes when that thread drops it.
            with suppress(ValueError):
                texts.close()

    def close(self) -> None:
        """Let the threads end, each after what it is at; a later call begins new ones."""
        for _ in self._threads:
            self._calls.put(None)
        self._calls = SimpleQueue()
        self._threads = []

    async def end(self) -> None:
        """Let the threads end, and return when they have."""
        threads = self._threads
        self.close()
        for thread in threads:
            await anyio.to_thread.run_sync(thread.join)

    def _work(self, calls: "SimpleQueue[_Call | None]") -> None:
        while (call := calls.get()) is not None:
            result: Any = None
            error: BaseException | None = None
            try:
                result = call.function(*call.args)
            except BaseException as raised:  # noqa: BLE001  it is the asker's, whatever it is
                error = raised
            self._count(-1)
            # A loop that is closed has no askers left.
            with suppress(RuntimeError):
                call.loop.call_soon_threadsafe(call.done, result, error)
            # Nothing is kept alive by a thread that waits.
            del call, result, error

    def _count(self, change: int) -> None:
        # Counted by the threads: the event loop of an asker may be gone before its call ends.
        with self._counting:
            self._running += change


def _settle(answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if isinstance(error, StopIteration):  # Futures cannot carry it.
        answer.set_exception(RuntimeError("it raised StopIteration"))
    elif error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)
