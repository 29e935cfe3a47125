"""Carries what engine threads produce to one reader on the event loop, waking it once a batch."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Many threads put, one task takes. Made on the event loop its reader runs on.

    A reader that falls behind finds everything in one batch: the loop is woken once for it, not
    once for every item.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[T] = deque()
        self._arrived = asyncio.Event()
        self._is_woken = False

    def put(self, item: T) -> None:
        """Leave an item, from any thread."""
        self._items.append(item)
        if not self._is_woken:
            self._is_woken = True
            self._wake()

    async def take(self) -> list[T]:
        """Wait until something is there, and return all of it, oldest first."""
        await self._arrived.wait()
        self._arrived.clear()
        # Cleared before the items are read: one that comes in between wakes the reader once more.
        self._is_woken = False
        return [self._items.popleft() for _ in range(len(self._items))]

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:
            # The loop is closed, and its readers with it.
            self._items.clear()
