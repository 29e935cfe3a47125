"""Listening to an answer that may be told again."""

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from modelnet.core.chunk import Chunk
from modelnet.core.task import Contribution, Task
from modelnet.service.cache.entry import MOST_BYTES, Entry, join, size_of
from modelnet.service.cache.key import Key
from modelnet.service.cache.signature import Signature
from modelnet.service.neighbourhood import packed
from modelnet.service.verifier import verdict_on

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class Question(NamedTuple):
    """What is compared of a question."""

    signature: Signature
    embedding: "Array"
    kind: str
    """The most likely kind of the task."""


class Recording:
    """One answer, as it comes."""

    def __init__(self, task: Task, key: Key, began: float, *, is_fetched: bool = False) -> None:
        self._task = task
        self._key = key
        self._began = began
        self._is_fetched = is_fetched
        self._steps: list[Chunk | Contribution] = []
        self._size_bytes = 0
        self._end: Chunk | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the last chunk has come."""
        return self._end is not None

    def take(self, step: Chunk | Contribution) -> None:
        """Take in the next step."""
        if isinstance(step, Chunk) and step.finish is not None:
            self._end = step
        last_bytes = size_of(self._steps[-1]) if self._steps else 0
        before = len(self._steps)
        join(self._steps, step)
        self._size_bytes += size_of(self._steps[-1])
        if len(self._steps) == before:
            self._size_bytes -= last_bytes
        if self._is_too_long():
            self._steps.clear()

    def entry(self, question: Question | None) -> Entry | None:
        """Return what is kept of a whole answer; nothing where it was cut, broken, or wrong."""
        if self._end is None or self._end.finish != "stop" or self._is_too_long():
            return None
        entry = Entry(
            key=self._key,
            owner=self._task.owner,
            task=self._task.id,
            at=self._began,
            steps=tuple(self._steps),
            signature=None if question is None else question.signature,
            embedding=None if question is None else packed(question.embedding),
            is_fetched=self._is_fetched,
        )
        verdict = verdict_on(self._task.request, entry.text)
        return entry if entry.text.strip() and verdict in {None, 1.0} else None

    def _is_too_long(self) -> bool:
        return self._size_bytes > MOST_BYTES
