"""A store in a file of SQLite: one thread of its own reads and writes, and no event loop waits.

Entries that come while the thread is busy are written together, in one transaction.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any, Literal, TypeAlias, TypeVar

import anyio.to_thread

from modelnet.core.error import StorageError
from modelnet.core.identity import RequestId
from modelnet.ledger.database import Database, is_damage, set_aside
from modelnet.ledger.outcome import Entry
from modelnet.ledger.store import LIMIT

T = TypeVar("T")

_Stop: TypeAlias = Literal["stop"]

FILE = "outcomes.sqlite"
"""Its name in the data directory of a node."""

MAX_WAITING = 4096
"""Entries and questions that wait for the thread; a disk that hangs must not fill the memory."""

_TOGETHER = 256
_PAGE = 256
_PATIENCE_S = 30.0
"""How long an answer of the disk is waited for."""

_CLOSE_S = 5.0
"""How long `close` waits for a disk; what it has not taken by then is lost."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Question:
    """Something to be answered by the thread."""

    ask: Callable[[Database], Any]
    answer: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop

    def settle(self, result: Any, error: Exception | None) -> None:
        # A loop that is closed has no askers left.
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(_settle, self.answer, result, error)


class SqliteStore:
    """Keeps entries in a file: `modelnet.ledger.store.Store`. The thread begins with the first."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self._path = path
        self._limit = limit
        self._jobs: Queue[Entry | _Question | _Stop] = Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_failing = False

    def add(self, entry: Entry) -> None:
        """Keep an entry, soon."""
        if self._is_closed:
            return
        try:
            self._hand_over(entry)
        except Full:
            self._warn("the disk is too slow")

    async def recent(self, limit: int) -> tuple[Entry, ...]:
        """Return the newest entries, the oldest of them first."""
        return await self._ask(lambda database: database.recent(limit))

    async def export(self) -> AsyncGenerator[Entry, None]:
        """Yield every entry, the oldest first, reading page by page."""
        place, entries = await self._page(0)
        while place:
            for entry in entries:
                yield entry
            place, entries = await self._page(place)

    async def delete(self, *, before: float | None = None, task: RequestId | None = None) -> int:
        """Destroy entries, all or those that fit."""
        return await self._ask(lambda database: database.delete(before, task))

    async def close(self) -> None:
        """Write what was added and let go of the file."""
        thread, self._thread = self._thread, None
        self._is_closed = True
        if thread is None:
            return
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._end, thread)

    async def _page(self, after: int) -> tuple[int, list[Entry]]:
        return await self._ask(lambda database: database.page(after, _PAGE))

    async def _ask(self, ask: Callable[[Database], T]) -> T:
        if self._is_closed:
            raise StorageError("The store of outcomes is closed: ask again when the node runs.")
        loop = asyncio.get_running_loop()
        question = _Question(ask, loop.create_future(), loop)
        try:
            self._hand_over(question)
        except Full:
            raise _too_slow() from None
        try:
            with anyio.fail_after(_PATIENCE_S):
                return await question.answer
        except TimeoutError:
            raise _too_slow() from None

    def _hand_over(self, job: Entry | _Question) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
            self._thread.start()
        self._jobs.put_nowait(job)

    def _end(self, thread: threading.Thread) -> None:
        with suppress(Full):
            self._jobs.put("stop", timeout=_CLOSE_S)
            thread.join(_CLOSE_S)

    def _work(self) -> None:
        """Do jobs, in the order in which they came, until one says that it is the last."""
        database = Database.open(self._path, self._limit)
        other: _Question | _Stop | None = None
        while other != "stop":
            entries, other = self._gather()
            if entries:
                database = self._add(database, entries)
            if isinstance(other, _Question):
                database = self._answer(database, other)
        database.close()

    def _gather(self) -> tuple[list[Entry], _Question | _Stop | None]:
        """Wait for a job; return all entries that wait by then, and the other job after them."""
        entries: list[Entry] = []
        job = self._jobs.get()
        while isinstance(job, Entry):
            entries.append(job)
            if len(entries) == _TOGETHER:
                return entries, None
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return entries, None
        return entries, job

    def _add(self, database: Database, entries: list[Entry]) -> Database:
        try:
            database.add(entries)
        except (OverflowError, UnicodeError):
            return self._add_singly(database, entries)
        except sqlite3.Error as error:
            if not is_damage(error):
                self._warn(str(error))
                return database
            database = self._replaced(database, error)
            with suppress(sqlite3.Error):
                database.add(entries)
        self._is_failing = False
        return database

    def _add_singly(self, database: Database, entries: list[Entry]) -> Database:
        """Keep what SQLite has room for: a number beyond its own costs that entry alone."""
        if len(entries) > 1:
            for entry in entries:
                database = self._add(database, [entry])
        return database

    def _answer(self, database: Database, question: _Question) -> Database:
        try:
            question.settle(question.ask(database), None)
        except sqlite3.Error as error:
            told = StorageError(
                f"The outcomes in {self._path.name} cannot be read or written ({error}): look at "
                "the disk of the data directory."
            )
            question.settle(None, told)
            if is_damage(error):
                return self._replaced(database, error)
        return database

    def _replaced(self, database: Database, error: sqlite3.Error) -> Database:
        with suppress(sqlite3.Error):
            database.close()
        set_aside(self._path, str(error))
        return Database.open(self._path, self._limit)

    def _warn(self, why: str) -> None:
        if not self._is_failing:
            _log.warning("Outcomes are not kept in %s (%s).", self._path, why)
        self._is_failing = True


def _too_slow() -> StorageError:
    return StorageError("The disk of the outcomes is too slow: ask again later.")


def _settle(answer: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
