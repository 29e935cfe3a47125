"""Answers told again: what stands in front of the teacher, for whoever asks what was asked before.

A hit is told as any answer is, by a `Contribution` that says which earlier answer it is, and then
its chunks. No model is asked, and no router taught.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Protocol

from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock
from modelnet.core.error import InvalidRequestError, JudgedError
from modelnet.core.identity import RequestId
from modelnet.core.task import Contribution, Task
from modelnet.interaction.recall.count import Counts, RecallStatus
from modelnet.interaction.recall.flight import Flight, Flights
from modelnet.interaction.recall.nearness import Nearness
from modelnet.interaction.recall.recording import Question, Recording
from modelnet.interaction.recall.told import Tellings, Told
from modelnet.interaction.teacher import Taught, Teacher
from modelnet.ledger import outcome
from modelnet.resource.directory import Directory, Offer
from modelnet.service.cache.entry import Entry
from modelnet.service.cache.key import Key, key_of
from modelnet.service.cache.store import AnswerCache, Near
from modelnet.service.explanation import Explanation
from modelnet.service.verifier import exact

RIGHT = 0.5
"""A verdict below is that an answer is wrong."""

Step = Chunk | Contribution


class Follower(Protocol):
    """Whoever wants to know what is asked."""

    def arrived(self, key: Key | None) -> None:
        """Hear that somebody asks; nothing is told of what cannot be kept."""
        ...

    def answered(self, task: Task, key: Key, entry: Entry | None, *, is_new: bool) -> None:
        """Hear that a task was answered whole, by which kept answer, and whether it is new."""
        ...

    def forget(self) -> None:
        """Forget all that was heard."""
        ...


class Recaller:
    """Answers as the teacher does, or tells again what it answered before."""

    def __init__(
        self, teacher: Teacher, cache: AnswerCache, nearness: Nearness | None, clock: Clock
    ) -> None:
        """Without `nearness`, only the same question counts."""
        self._teacher = teacher
        self._cache = cache
        self._nearness = nearness
        self._clock = clock
        self._flights = Flights(clock)
        self._tellings = Tellings()
        self._follower: Follower | None = None
        self._under_way = 0
        self.counts = Counts()
        """What became of what was asked."""

    @property
    def directory(self) -> Directory:
        """What this node knows of the network now."""
        return self._teacher.directory

    def offers(self) -> tuple[Offer, ...]:
        """Every model that can be asked now."""
        return self._teacher.offers()

    async def explain(self, task: Task) -> Explanation | None:
        """Return whom the router would ask, were nothing kept; see `Teacher.explain`."""
        return await self._teacher.explain(task)

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return not self._under_way

    @property
    def status(self) -> RecallStatus:
        """How the cache does."""
        return RecallStatus(
            mode="exact" if self._nearness is None else "near",
            entries=len(self._cache),
            size_bytes=self._cache.size_bytes,
            for_s=self._cache.for_s,
            trust=None if self._nearness is None else self._nearness.trust,
            prefetch=self._follower is not None,
            **asdict(self.counts),
        )

    def tell(self, follower: Follower) -> None:
        """Tell it of everything that is asked from now on."""
        self._follower = follower

    async def answer(self, task: Task) -> AsyncGenerator[Step, None]:
        """Yield the answer, an earlier one where that will do; see `Coordinator.answer`."""
        key = key_of(task)
        if self._follower is not None:
            self._follower.arrived(key)
        self._under_way += 1
        steps = self._teacher.answer(task) if key is None else self._recalled(task, key)
        try:
            async with aclosing(steps):
                async for step in steps:
                    yield step
        finally:
            self._under_way -= 1
        if key is not None and self._follower is not None:
            entry = self._cache.find(key, self._clock())
            is_new = self._tellings.find(task.id, task.owner) is None
            self._follower.answered(task, key, entry, is_new=is_new)

    async def fetch(self, task: Task, key: Key) -> None:
        """Ask for an answer that nobody wants yet, and keep it.

        Raises:
            ModelnetError: there is none.
        """
        with self._flights.leading(key.exact) as flight:
            recording = Recording(task, key, self._clock(), is_fetched=True)
            question = await self._read(task, key)
            async with aclosing(self._teacher.answer(task)) as steps:
                async for step in steps:
                    recording.take(step)
            self._keep(recording, question, None, flight)
            self.counts.fetched += 1

    def has(self, key: Key) -> bool:
        """Tell whether a question can be answered from the cache, or soon will be."""
        is_known = self._cache.find(key, self._clock()) is not None
        return is_known or self._flights.ahead(key.exact) is not None

    def judge(self, task: RequestId, owner: str, verdict: float) -> Taught:
        """Take a person's word on an answer; one that is wrong is not told again.

        What is said of a question near by teaches no model, only how far nearness goes.

        Raises:
            UnknownTaskError, JudgedError: as `Teacher.judge`.
        """
        told = self._tellings.find(task, owner)
        if told is not None and told.cosine is not None:
            return self._judge_near(task, told, told.cosine, verdict)
        asked = task if told is None else told.entry.task
        taught = self._teacher.judge(asked, owner, verdict)
        if verdict < RIGHT:
            self._cache.forget(task=asked)
        return Taught(task=task, verdict=verdict, kind=taught.kind, shares=taught.shares)

    def compare(self, task: RequestId, owner: str, right: str) -> Taught:
        """Judge an answer by the right one.

        Raises:
            UnknownTaskError, JudgedError, InvalidRequestError: as `Teacher.compare`.
        """
        told = self._tellings.find(task, owner)
        if told is None:
            taught = self._teacher.compare(task, owner, right)
            if taught.verdict < RIGHT:
                self._cache.forget(task=task)
            return taught
        verdict = exact.judge(right, told.entry.text)
        if verdict is None:
            raise InvalidRequestError(
                "Whether the answer is that one cannot be told by comparing the texts: send "
                "`right` or `score` instead.",
                param="answer",
            )
        return self.judge(task, owner, verdict)

    async def study(self, entries: Sequence[outcome.Entry]) -> int:
        """Learn and keep verdicts of another node or day: `Teacher.study`.

        Raises:
            StorageError: as `Teacher.study`.
        """
        return await self._teacher.study(entries)

    async def forget(self, *, before: float | None = None, task: RequestId | None = None) -> int:
        """Destroy what was kept, all or what fits; see `Teacher.forget`.

        Of what follows what, it is not known whose task taught it: that goes as a whole.

        Raises:
            StorageError: it cannot be destroyed.
        """
        self._cache.forget(before=before, task=task)
        self._tellings.forget(before=before, task=task)
        if self._nearness is not None:
            self._nearness.forget(before=before, task=task)
        if self._follower is not None:
            self._follower.forget()
        return await self._teacher.forget(before=before, task=task)

    async def _recalled(self, task: Task, key: Key) -> AsyncGenerator[Step, None]:
        self.counts.asked += 1
        entry = self._cache.find(key, self._clock())
        if entry is None and await self._flights.turn(key.exact, task.deadline):
            self.counts.waited += 1
            entry = self._cache.find(key, self._clock())
        if entry is not None:
            self.counts.exact += 1
            for step in self._told(task, entry):
                yield step
            return
        with self._flights.leading(key.exact) as flight:
            async with aclosing(self._near_or_new(task, key, flight)) as steps:
                async for step in steps:
                    yield step

    async def _near_or_new(
        self, task: Task, key: Key, flight: Flight
    ) -> AsyncGenerator[Step, None]:
        question = await self._read(task, key)
        near = self._nearest(key, question)
        if near is not None and question is not None and self._may_be_told(near):
            self.counts.near += 1
            for step in self._told(task, near.entry, near.cosine, question.kind):
                yield step
            return
        recording = Recording(task, key, self._clock())
        async with aclosing(self._teacher.answer(task)) as steps:
            async for step in steps:
                recording.take(step)
                if recording.is_whole and not flight.has_landed:
                    # Before the end is told: whoever has read it may ask again.
                    self._keep(recording, question, near, flight)
                yield step

    async def _read(self, task: Task, key: Key) -> Question | None:
        return None if self._nearness is None else await self._nearness.read(task, key)

    def _nearest(self, key: Key, question: Question | None) -> Near | None:
        if self._nearness is None or question is None:
            return None
        return self._nearness.find(key, question)

    def _may_be_told(self, near: Near) -> bool:
        return self._nearness is not None and self._nearness.may_be_told(near)

    def _told(
        self, task: Task, entry: Entry, cosine: float | None = None, kind: str = ""
    ) -> Iterable[Step]:
        now = self._clock()
        self._tellings.add(task.id, Told(task.owner, entry, now, cosine, kind))
        why = self._why(entry, now, cosine)
        if entry.is_fetched:
            self.counts.fetched_used += 1
            self._cache.add(replace(entry, is_fetched=False))
        return entry.told(now, 1.0 if cosine is None else cosine, why)

    def _why(self, entry: Entry, now: float, cosine: float | None) -> str:
        ago = f"{max(0.0, now - entry.at):.0f} s ago"
        if cosine is None or self._nearness is None:
            asked = "asked beforehand" if entry.is_fetched else "the same was asked"
            return f"answered from the cache: {asked} {ago}"
        return (
            f"answered from the cache: a question like it was asked {ago}, cosine {cosine:.2f}; "
            f"at most {self._nearness.trust.rate_high:.1%} of such answers differ"
        )

    def _keep(
        self, recording: Recording, question: Question | None, near: Near | None, flight: Flight
    ) -> None:
        entry = recording.entry(question)
        if entry is not None:
            if near is not None and self._nearness is not None:
                self._nearness.compare(entry, near)
            self._cache.add(entry)
        flight.land()

    def _judge_near(self, task: RequestId, told: Told, cosine: float, verdict: float) -> Taught:
        if told.is_judged:
            raise JudgedError(
                "That answer was judged already, and the first word stands.", param="id"
            )
        told.is_judged = True
        if verdict < RIGHT and self._nearness is not None:
            self._nearness.complain(told.entry, task, cosine)
        return Taught(task=task, verdict=verdict, kind=told.kind, shares=())
