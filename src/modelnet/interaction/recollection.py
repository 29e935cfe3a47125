"""What a node remembers of answers for a while, so that a verdict on one finds who gave it."""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from modelnet.core.chunk import Chunk, Usage
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import Operation, operation_of
from modelnet.core.task import Contribution, Task
from modelnet.service.analysis import TaskFeatures
from modelnet.service.kind import TaskKind
from modelnet.service.neighbourhood import packed
from modelnet.service.verifier import MAX_CHARACTERS
from modelnet.service.verifier.program import MAX_CHARACTERS as MAX_CODE_CHARACTERS

MOST_REMEMBERED = 4096
"""Answers; beyond them the oldest are forgotten first."""

REMEMBERED_S = 24 * 3600.0


class Share(NamedTuple):
    """A model that gave an answer, or the part of it that it gave."""

    node: NodeId
    model: str
    weight: float
    """Its share of the characters; 1 for one that gave the same answer beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """One answer, without the question."""

    task: RequestId
    owner: str
    at: float
    kind: TaskKind
    embedding: bytes | None = None
    """Of the question, or its hashed words, where they are known and may be remembered."""
    operation: Operation
    shares: tuple[Share, ...]
    text: str | None
    """What was said, where that is no longer than can be judged."""
    is_picked: bool = False
    """Whether it was told for what it says, among several."""
    is_cut: bool
    """Whether the answer ended because it might be no longer."""
    latency_s: float
    usage: Usage


class Listener:
    """Follows one answer as it comes."""

    def __init__(self, task: Task, began: float) -> None:
        self._task = task
        self._began = began
        self._said: Counter[tuple[NodeId, str]] = Counter()
        self._speaker: tuple[NodeId, str] | None = None
        self._agreed: set[tuple[NodeId, str]] = set()
        self._texts: list[str] = []
        self._length = 0
        self._most = MAX_CHARACTERS if task.tests is None else MAX_CODE_CHARACTERS
        self._is_picked = False
        self._end: Chunk | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the last chunk has come."""
        return self._end is not None

    @property
    def text(self) -> str | None:
        """What was said, where that is no longer than can be judged."""
        return "".join(self._texts) if self._length <= self._most else None

    def take(self, item: Chunk | Contribution) -> None:
        """Take in the next step of an answer."""
        if isinstance(item, Contribution):
            self._speaker = item.node, item.model
            self._said[self._speaker] += 0
            self._is_picked |= item.is_picked
            self._agreed.update((v.node, v.model) for v in item.others if v.what == "agreed")
            return
        if self._speaker is not None:
            self._said[self._speaker] += _size(item)
        self._length += len(item.text)
        if self._length <= self._most:
            self._texts.append(item.text)
        if item.finish is not None:
            self._end = item

    def recollection(self, features: TaskFeatures, now: float) -> Recollection:
        """Return what there is to remember of an answer that is whole."""
        end = self._end or Chunk()
        place = features.words if features.embedding is None else features.embedding
        embedding = place if self._task.is_kept else None
        return Recollection(
            task=self._task.id,
            owner=self._task.owner,
            at=now,
            kind=features.kind,
            embedding=None if embedding is None else packed(embedding),
            operation=operation_of(self._task.request),
            shares=self._shares(),
            text=self.text if self._length <= MAX_CHARACTERS else None,
            is_picked=self._is_picked,
            is_cut=end.finish != "stop",
            latency_s=max(0.0, now - self._began),
            usage=end.usage or Usage(),
        )

    def _shares(self) -> tuple[Share, ...]:
        """Share a verdict by what everybody said; where nothing was, it is the last one's."""
        total = sum(self._said.values())
        if total:
            spoke = [Share(*who, size / total) for who, size in self._said.items() if size]
        else:
            spoke = [Share(*who, 1.0) for who in list(self._said)[-1:]]
        beside = self._agreed.difference((share.node, share.model) for share in spoke)
        return (*spoke, *(Share(*who, 1.0) for who in sorted(beside)))


class Memory:
    """Answers of late, with the verdicts that were given on them."""

    def __init__(self, most: int = MOST_REMEMBERED, for_s: float = REMEMBERED_S) -> None:
        self._most = most
        self._for_s = for_s
        self._known: OrderedDict[RequestId, Recollection] = OrderedDict()
        self._judged: set[RequestId] = set()

    def add(self, one: Recollection) -> None:
        """Remember an answer."""
        self._known[one.task] = one
        if len(self._known) > self._most:
            self._drop([next(iter(self._known))])

    def find(self, task: RequestId, now: float) -> Recollection | None:
        """Return an answer, where it is remembered still."""
        one = self._known.get(task)
        if one is not None and now - one.at > self._for_s:
            self._drop([task])
            return None
        return one

    def is_judged(self, task: RequestId) -> bool:
        """Tell whether somebody gave a verdict on it."""
        return task in self._judged

    def judge(self, task: RequestId) -> None:
        """Take no other verdict on this answer."""
        self._judged.add(task)

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Forget answers, all or those that fit."""
        self._drop(
            [
                one.task
                for one in self._known.values()
                if (before is None or one.at < before) and (task is None or one.task == task)
            ]
        )

    def _drop(self, tasks: Iterable[RequestId]) -> None:
        for task in tasks:
            del self._known[task]
            self._judged.discard(task)


def _size(chunk: Chunk) -> int:
    said = len(chunk.text) + len(chunk.reasoning)
    if chunk.tool_calls:
        said += sum(len(call.name) + len(call.arguments) for call in chunk.tool_calls)
    return said
