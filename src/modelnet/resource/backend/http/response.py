"""One answer of a server as it arrives: its head, then its body at the pace of its reader.

The first piece wakes the reader at once; those that follow within `PACE_S` come as one, and the end
comes without delay. Where many answers come at once, each is left in the system's buffer for so
long: to be woken for every token of all of them would cost more than to read them.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager

from modelnet.resource.backend.mailbox import PACE_S

SILENCE_TIMEOUT_S = 300.0
"""A server that says nothing for so long has hung, whatever the deadline."""

HIGH_WATER_BYTES = 1 << 18
"""With more than this unread the server is made to wait."""


class BrokenError(Exception):
    """The answer ended before its end, never came, or is no HTTP."""


class ExpiredError(BrokenError):
    """The time for the answer is over."""


class Response:
    """What has arrived of an answer. A connection fills it, one reader empties it."""

    def __init__(self, transport: asyncio.Transport, is_crowded: Callable[[], bool]) -> None:
        """Read from a transport; `is_crowded` tells whether many answers come at once."""
        self.status = 0
        """Of the head; 0 while it is not there."""
        self.headers: dict[str, str] = {}
        """By name in lower case."""
        self.is_complete = False
        self._transport = transport
        self._is_crowded = is_crowded
        self._is_paused = False
        self._rest: asyncio.TimerHandle | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._failure: BrokenError | None = None
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Future[None] | None = None
        self._pacer: asyncio.TimerHandle | None = None
        self._taken_at = 0.0

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """Take in the head."""
        self.status, self.headers = status, headers
        self._tell()

    def feed(self, piece: bytes) -> None:
        """Take in a piece of the body; what comes after a failure is dropped."""
        if self._failure is not None:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > HIGH_WATER_BYTES:
            self._pause()
            self._tell()
        else:
            self._tell_in_time()

    def end(self) -> None:
        """Note that the body is whole."""
        self.is_complete = True
        self._tell()

    def fail(self, error: BrokenError) -> None:
        """Note that nothing more comes; what did come can still be read."""
        if not self.is_complete and self._failure is None:
            self._failure = error
            self._tell()

    @contextmanager
    def within(self, left_s: float) -> Generator[None, None, None]:
        """Let what is read in a block end after so long, at the price of one timer for it all."""
        timer = self._loop.call_later(max(0.0, left_s), self._expire)
        try:
            yield
        finally:
            timer.cancel()

    async def head(self) -> None:
        """Wait for the head.

        Raises:
            BrokenError: it does not come.
        """
        while not self.status:
            await self._change()

    async def read(self) -> bytes:
        """Return what has come since the last time, waiting for something; nothing at the end.

        Raises:
            BrokenError: the end does not come.
        """
        while not self._pieces:
            if self.is_complete:
                return b""
            await self._change()
        return self._take()

    async def whole(self, limit_bytes: int) -> bytes:
        """Return the whole body.

        Raises:
            BrokenError: its end does not come, or it is longer than the limit.
        """
        pieces: list[bytes] = []
        size = 0
        while piece := await self.read():
            size += len(piece)
            if size > limit_bytes:
                raise BrokenError(f"its answer is longer than {limit_bytes} bytes")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _expire(self) -> None:
        if not self.is_complete:
            self._pieces.clear()  # Or an answer without end would be read for ever.
            self.fail(ExpiredError("its time is over"))

    def _take(self) -> bytes:
        pieces, self._pieces, self._size = self._pieces, [], 0
        self._taken_at = self._loop.time()
        if self._is_crowded() and not self.is_complete:
            self._pause()
            self._rest = self._rest or self._loop.call_later(PACE_S, self._rested)
        elif self._rest is None:
            self._resume()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _rested(self) -> None:
        self._rest = None
        if self._size <= HIGH_WATER_BYTES:
            self._resume()

    def _pause(self) -> None:
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    async def _change(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._news = self._loop.create_future()
        silence = self._loop.call_later(
            SILENCE_TIMEOUT_S, self.fail, BrokenError("it has fallen silent")
        )
        try:
            await self._news
        finally:
            silence.cancel()
            if self._pacer is not None:
                self._pacer.cancel()
            self._news = self._pacer = None

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _tell_in_time(self) -> None:
        if self._news is None or self._pacer is not None:
            return
        wait_s = self._taken_at + PACE_S - self._loop.time()
        if wait_s > 0:
            self._pacer = self._loop.call_later(wait_s, self._tell)
        else:
            self._tell()
