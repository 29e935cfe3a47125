"""The endpoints of feedback: give it, take out all that is kept, have it destroyed."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

import msgspec

from modelnet.application.gateway.endpoint import (
    LINES,
    EventStream,
    HttpRequest,
    Reply,
    Routes,
    json_reply,
)
from modelnet.application.gateway.feedback.reading import entries_in, which_in, word_in
from modelnet.application.gateway.feedback.view import (
    PATH,
    DeletedView,
    FeedbackView,
    LearntView,
    ShareView,
)
from modelnet.core.identity import RequestId
from modelnet.interaction.teacher import Taught
from modelnet.ledger.outcome import Entry
from modelnet.ledger.store import Store

_EXPORT_S = 3600.0
"""For a reader as slow as it may be."""

_LINES_AT_ONCE = 64


class Judging(Protocol):
    """Takes verdicts: `modelnet.interaction.teacher.Teacher`, or what stands in front of it."""

    def judge(self, task: RequestId, owner: str, verdict: float) -> Taught:
        """Take a person's word on an answer, 0 to 1."""
        ...

    def compare(self, task: RequestId, owner: str, right: str) -> Taught:
        """Judge an answer by the right one."""
        ...

    async def study(self, entries: Sequence[Entry]) -> int:
        """Learn and keep verdicts of another node or day; return how many were new."""
        ...

    async def forget(self, *, before: float | None = None, task: RequestId | None = None) -> int:
        """Destroy what was stored, all or what fits; return how many entries were."""
        ...


class FeedbackDoor:
    """Takes feedback to the teacher, and gives out what the store keeps."""

    def __init__(self, teacher: Judging, store: Store) -> None:
        self._teacher = teacher
        self._store = store

    @property
    def routes(self) -> Routes:
        """The endpoints."""
        return {
            ("POST", PATH): self._give,
            ("GET", PATH): self._export,
            ("PUT", PATH): self._study,
            ("DELETE", PATH): self._delete,
        }

    async def _give(self, http: HttpRequest) -> Reply:
        word = word_in(http.body)
        if word.right is not None:
            return json_reply(_view(self._teacher.compare(word.task, http.owner, word.right)))
        return json_reply(_view(self._teacher.judge(word.task, http.owner, word.verdict or 0.0)))

    async def _export(self, http: HttpRequest) -> EventStream:
        http.allow(_EXPORT_S)
        return EventStream(events=self._lines(), media_type=LINES)

    async def _lines(self) -> AsyncGenerator[bytes, None]:
        lines: list[bytes] = []
        async with aclosing(self._store.export()) as entries:
            async for entry in entries:
                lines.append(msgspec.json.encode(entry) + b"\n")
                if len(lines) == _LINES_AT_ONCE:
                    yield b"".join(lines)
                    lines.clear()
        if lines:
            yield b"".join(lines)

    async def _study(self, http: HttpRequest) -> Reply:
        learnt = await self._teacher.study(entries_in(http.body))
        return json_reply(LearntView(learnt=learnt))

    async def _delete(self, http: HttpRequest) -> Reply:
        which = which_in(http.query)
        deleted = await self._teacher.forget(before=which.before, task=which.task)
        return json_reply(DeletedView(deleted=deleted))


def _view(taught: Taught) -> FeedbackView:
    return FeedbackView(
        id=taught.task,
        score=taught.verdict,
        kind=taught.kind,
        taught=tuple(
            ShareView(node=share.node, model=share.model, share=round(share.weight, 4))
            for share in taught.shares
        ),
    )
