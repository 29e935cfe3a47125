"""Running blocking functions in threads, which a cancelled asker may leave behind."""

import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from typing import Any, TypeVar

import anyio.to_thread

from modelnet.core.error import OverloadedError

T = TypeVar("T")

END: Any = object()
"""What the end of a generator looks like: functions may return anything, `None` too."""


class _Full:
    """No thread is free."""


class Threads:
    """Runs blocking functions, at most so many at once, counting those whose asker has left."""

    def __init__(self, limit: int) -> None:
        self._free = threading.Semaphore(limit)

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function in a thread of its own; a cancelled asker leaves it behind.

        Raises:
            OverloadedError: no thread is free.
        """
        result = await anyio.to_thread.run_sync(
            self._hold_place, function, args, abandon_on_cancel=True
        )
        if isinstance(result, _Full):
            raise OverloadedError(
                "All threads of the function are busy; try again later.", retry_after_s=1.0
            )
        return result

    async def iterate(self, texts: Generator[Any, None, None]) -> AsyncGenerator[Any, None]:
        """Step through a generator in threads, and close it at the end."""
        try:
            while (text := await self.run(next, texts, END)) is not END:
                yield text
        finally:
            # A generator still stepping in a thread left behind closes when that thread drops it.
            with suppress(ValueError):
                texts.close()

    def _hold_place(self, function: Callable[..., T], args: tuple[Any, ...]) -> "T | _Full":
        if not self._free.acquire(blocking=False):
            return _Full()
        try:
            return function(*args)
        finally:
            self._free.release()
