"""The Store seam: where outcomes are kept, and given back or destroyed on request."""

from collections.abc import AsyncGenerator
from typing import Protocol

from modelnet.core.identity import RequestId
from modelnet.ledger.outcome import Entry

LIMIT = 50_000
"""Entries that are kept; beyond them the oldest go first."""


class Store(Protocol):
    """Keeps entries in the order in which they came."""

    def add(self, entry: Entry) -> None:
        """Keep an entry, soon; never waits and never fails. The same verdict is kept once.

        What cannot be kept is dropped, with a warning in the log. After `close` nothing is kept.
        """
        ...

    async def recent(self, limit: int) -> tuple[Entry, ...]:
        """Return the newest entries, the oldest of them first.

        Raises:
            StorageError: they cannot be read.
        """
        ...

    def export(self) -> AsyncGenerator[Entry, None]:
        """Yield every entry, the oldest first, those added before the call included.

        Raises:
            StorageError: they cannot be read.
        """
        ...

    async def delete(self, *, before: float | None = None, task: RequestId | None = None) -> int:
        """Destroy entries, all or those that fit; return how many there were.

        Nothing of them is left in the store's files.

        Raises:
            StorageError: they cannot be destroyed.
        """
        ...

    async def close(self) -> None:
        """Write what was added and let go of everything; a second time does nothing."""
        ...
