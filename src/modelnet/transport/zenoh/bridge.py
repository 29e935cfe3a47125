"""From an engine thread to the event loop: a queue, and one wake-up for all that waits in it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import zenoh

MAX_WAITING_BYTES: Final = 256 * 1024 * 1024
"""What may wait for the event loop. More is dropped, as a full link would; streams notice a gap."""


class Bridge:
    """Carries the samples of one subscription, in order, to the loop on which it was made.

    The engine calls it from one thread, so each counter has a single writer and needs no lock.
    """

    def __init__(self, take: Callable[[zenoh.Sample], None]) -> None:
        self.dropped = 0
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        self._waiting: deque[zenoh.Sample] = deque()
        self._put_bytes = 0
        self._taken_bytes = 0
        self._is_ringing = False
        self._is_closed = False

    def __call__(self, sample: zenoh.Sample) -> None:
        """Have a sample taken on the loop soon."""
        if self._put_bytes - self._taken_bytes > MAX_WAITING_BYTES:
            self.dropped += 1
            return
        self._put_bytes += len(sample.payload)
        self._waiting.append(sample)
        if not self._is_ringing and not self._is_closed:
            self._is_ringing = True
            self._ring()

    async def run(self) -> None:
        """Take what comes until cancelled."""
        try:
            while True:
                await self._bell.wait()
                self._bell.clear()
                # Cleared first: whatever is put from here on rings again.
                self._is_ringing = False
                self._drain()
        finally:
            self._is_closed = True

    def _ring(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._bell.set)
        except RuntimeError:
            # The loop was closed under a session that nobody left: there is no one to tell.
            self._is_closed = True

    def _drain(self) -> None:
        while self._waiting:
            sample = self._waiting.popleft()
            self._taken_bytes += len(sample.payload)
            self._take(sample)
