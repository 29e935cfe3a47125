"""The answers that are kept: bounded, found by their key or by a question near by. Pure.

Nothing of it is written anywhere: a node that starts again starts empty. numpy is used from the
first question that is looked up by nearness, never before.
"""

from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from modelnet.core.identity import RequestId
from modelnet.service.cache.entry import MOST_BYTES, Entry
from modelnet.service.cache.frame import Frame
from modelnet.service.cache.key import Key
from modelnet.service.cache.signature import Signature, difference

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

CAPACITY = 4096
CAPACITY_BYTES = 64 << 20
_COMPARED = 8
"""Nearest questions whose letter is compared."""


class Near(NamedTuple):
    """An answer to a question near by, whose letter says nothing against it."""

    entry: Entry
    cosine: float


class AnswerCache:
    """Answers by their keys; the one that was used longest ago goes first."""

    def __init__(
        self, *, for_s: float, most: int = CAPACITY, most_bytes: int = CAPACITY_BYTES
    ) -> None:
        """Keep answers for so many seconds, so many of them, in so many bytes."""
        self.for_s = for_s
        """Seconds for which an answer is kept."""
        self._most = most
        self._most_bytes = most_bytes
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._frames: defaultdict[bytes, Frame] = defaultdict(Frame)
        self.size_bytes = 0
        """About what they take in memory."""

    def __len__(self) -> int:
        """Count the answers, those included that nobody has missed since they grew old."""
        return len(self._entries)

    def find(self, key: Key, now: float) -> Entry | None:
        """Return the answer to this very request."""
        return self._fresh(key.exact, now)

    def near(
        self, key: Key, embedding: "Array", signature: Signature, now: float, *, least: float
    ) -> Near | None:
        """Return the nearest answer of at least that cosine whose question may be the same one."""
        import numpy as np

        frame = None if key.frame is None else self._frames.get(key.frame)
        if frame is None:
            return None
        for exact, cosine in frame.nearest(embedding.astype(np.float32), _COMPARED):
            if cosine < least:
                return None
            entry = self._fresh(exact, now)
            if entry is not None and _may_be_same(entry.signature, signature):
                return Near(entry, min(1.0, cosine))
        return None

    def add(self, entry: Entry) -> None:
        """Keep an answer, if it is not too large."""
        self.drop(entry.key)
        size_bytes = entry.size_bytes
        if size_bytes > min(MOST_BYTES, self._most_bytes):
            return
        self._entries[entry.key.exact] = entry
        self.size_bytes += size_bytes
        if entry.embedding is not None and entry.key.frame is not None:
            self._frames[entry.key.frame].put(entry.key.exact, _unpacked(entry.embedding))
        while len(self._entries) > self._most or self.size_bytes > self._most_bytes:
            self._drop(next(iter(self._entries)))

    def drop(self, key: Key) -> None:
        """Forget the answer to this request."""
        if key.exact in self._entries:
            self._drop(key.exact)

    def seclude(self, key: Key) -> None:
        """Never again give this answer to a question that is only near."""
        if key.frame is not None and key.frame in self._frames:
            self._frames[key.frame].remove(key.exact)

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Forget answers, all or those that fit."""
        for exact, one in list(self._entries.items()):
            if (before is None or one.at < before) and task in {None, one.task}:
                self._drop(exact)

    def _fresh(self, exact: bytes, now: float) -> Entry | None:
        entry = self._entries.get(exact)
        if entry is None:
            return None
        # A clock that was set back must not keep an answer for longer than it may be.
        if not 0.0 <= now - entry.at < self.for_s:
            self._drop(exact)
            return None
        self._entries.move_to_end(exact)
        return entry

    def _drop(self, exact: bytes) -> None:
        entry = self._entries.pop(exact)
        self.size_bytes -= entry.size_bytes
        if entry.key.frame is not None and entry.key.frame in self._frames:
            self._frames[entry.key.frame].remove(exact)
            if not len(self._frames[entry.key.frame]):
                del self._frames[entry.key.frame]


def _may_be_same(one: Signature | None, two: Signature) -> bool:
    return one is not None and difference(one, two) is None


def _unpacked(embedding: bytes) -> "Array":
    import numpy as np

    return np.frombuffer(embedding, dtype="<f2").astype(np.float32)
