"""Carries what engine threads produce to one reader on the event loop, waking it once a batch."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")

PACE_S = 0.004
"""Time between two wake-ups: no person sees the delay, and a fast engine costs much less work."""


class Mailbox(Generic[T]):
    """Many threads put, one task takes. Made on the event loop its reader runs on.

    The first item wakes the reader at once; those that follow within `PACE_S` come as one batch.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[T] = deque()
        self._arrived = asyncio.Event()
        self._is_woken = False
        self._taken_at = -PACE_S

    def put(self, item: T) -> None:
        """Leave an item, from any thread."""
        self._items.append(item)
        if not self._is_woken:
            self._is_woken = True
            self._call(self._arrive)

    def put_last(self, item: T) -> None:
        """Leave the last item, which wakes the reader without delay."""
        self._items.append(item)
        self._call(self._arrived.set)

    async def take(self) -> list[T]:
        """Wait until something is there, and return all of it, oldest first; it may be nothing."""
        await self._arrived.wait()
        self._arrived.clear()
        self._taken_at = self._loop.time()
        # Cleared before the items are read: one that comes in between wakes the reader once more.
        self._is_woken = False
        return [self._items.popleft() for _ in range(len(self._items))]

    def _arrive(self) -> None:
        wait_s = self._taken_at + PACE_S - self._loop.time()
        if wait_s > 0:
            self._loop.call_later(wait_s, self._arrived.set)
        else:
            self._arrived.set()

    def _call(self, function: Callable[[], None]) -> None:
        # A loop that is closed has no readers left.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)
