"""A store that forgets everything with its process."""

from collections import OrderedDict
from collections.abc import AsyncGenerator

from modelnet.core.error import StorageError
from modelnet.core.identity import NodeId, RequestId
from modelnet.ledger.outcome import Entry, Source
from modelnet.ledger.store import LIMIT


class MemoryStore:
    """Keeps entries in memory: `modelnet.ledger.store.Store`."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._entries: OrderedDict[tuple[RequestId, NodeId, str, Source], Entry] = OrderedDict()
        self._is_closed = False

    def add(self, entry: Entry) -> None:
        """Keep an entry."""
        if self._is_closed or entry.key in self._entries:
            return
        self._entries[entry.key] = entry
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    async def recent(self, limit: int) -> tuple[Entry, ...]:
        """Return the newest entries, the oldest of them first."""
        entries = self._opened()
        return tuple(entries[max(0, len(entries) - limit) :])

    async def export(self) -> AsyncGenerator[Entry, None]:
        """Yield every entry, the oldest first."""
        for entry in self._opened():
            yield entry

    async def delete(self, *, before: float | None = None, task: RequestId | None = None) -> int:
        """Destroy entries, all or those that fit."""
        doomed = [
            entry.key
            for entry in self._opened()
            if (before is None or entry.at < before) and (task is None or entry.task == task)
        ]
        for key in doomed:
            del self._entries[key]
        return len(doomed)

    async def close(self) -> None:
        """Forget everything."""
        self._is_closed = True
        self._entries.clear()

    def _opened(self) -> list[Entry]:
        if self._is_closed:
            raise StorageError("The store of outcomes is closed: ask again when the node runs.")
        return list(self._entries.values())
