"""Learning from answers: whatever judges one, a program or a person, teaches router and store."""

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

import msgspec

from modelnet.core.card import Price
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.clock import Clock
from modelnet.core.error import (
    InvalidRequestError,
    JudgedError,
    ModelnetError,
    UnknownTaskError,
    UnsupportedError,
)
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import begun_of
from modelnet.core.task import Contribution, Task
from modelnet.interaction.coordinator import Coordinator
from modelnet.interaction.recollection import (
    MOST_REMEMBERED,
    Listener,
    Memory,
    Recollection,
    Share,
)
from modelnet.ledger.outcome import Entry, Source
from modelnet.ledger.store import Store
from modelnet.resource.directory import Directory, Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.explanation import Explanation, explanation_of
from modelnet.service.form import form_of
from modelnet.service.kind import KINDS, TaskKind
from modelnet.service.limit import keep
from modelnet.service.outcome import Outcome
from modelnet.service.pathway.purse import Purse
from modelnet.service.routing import Router
from modelnet.service.selection import links, select
from modelnet.service.verifier import exact, verdict_on

MOST_RECALLED = 2000
"""Entries of the store that a node learns from when it starts: a tenth of a second's work."""


class Taught(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, and whom it was on."""

    task: RequestId
    verdict: float
    kind: str
    shares: tuple[Share, ...]


class Teacher:
    """Answers as the coordinator does, and has every verdict on an answer learnt from.

    A program's verdict comes after the last chunk, so that nobody waits for it. A person's comes
    whenever it comes, as long as the answer is remembered.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        router: Router,
        store: Store,
        clock: Clock,
        rng: random.Random,
        memory: Memory | None = None,
        *,
        keeps_embeddings: bool = False,
    ) -> None:
        """Teach `router`, which forgets with the store."""
        self._coordinator = coordinator
        self._router = router
        self._store = store
        self._clock = clock
        self._rng = rng
        self._memory = memory or Memory()
        self._keeps_embeddings = keeps_embeddings
        coordinator.keep_verdicts(self._keep)

    @property
    def directory(self) -> Directory:
        """What this node knows of the network now."""
        return self._coordinator.directory

    def offers(self) -> tuple[Offer, ...]:
        """Every model that can be asked now."""
        return self._coordinator.offers()

    async def answer(self, task: Task) -> AsyncGenerator[Chunk | Contribution, None]:
        """Yield the answer; see `Coordinator.answer`."""
        prover = self._coordinator.prover
        if task.tests is not None and not prover.can_prove(task):
            raise UnsupportedError(
                "This node runs no tests: leave them out, or start it with --run-tests.",
                param="modelnet.tests",
            )
        listener = Listener(task, self._clock())
        heard: Recollection | None = None
        features = await self._coordinator.read(task)
        try:
            async with aclosing(self._coordinator.answer(task, features)) as steps:
                async for step in steps:
                    listener.take(step)
                    if listener.is_whole and heard is None:
                        # Before the end is told: whoever has read it may judge it.
                        heard = self._remember(listener, features, task)
                    yield step
        finally:
            if heard is not None:
                self._verify(heard, task, listener.text)

    async def explain(self, task: Task) -> Explanation | None:
        """Return whom the router would ask now, in order, and why; nothing where there is nobody.

        Later links of a fallback chain are left out: they count only when the first has failed.
        """
        features = await self._coordinator.read(task, is_again=True)
        link, terms = links(task.models)[0], self._coordinator.terms(task)
        limits = terms.limits
        left_usd = Purse(limits.max_cost_usd).left_usd
        # Whoever answers says better why there is nobody.
        with suppress(ModelnetError):
            for choice in select(link.names, self.offers()):
                now, weighs = self._clock(), terms.preference(choice.preference)
                ranked = self._router.rank(
                    features, choice.candidates, preference=weighs, now=now, rng=self._rng
                )
                kept = keep(ranked, limits, left_usd, features.operation)
                if kept.within:
                    return explanation_of(
                        features,
                        replace(choice, preference=weighs),
                        kept.within,
                        plan=self._coordinator.plan(task, features, link, kept.within),
                        form=form_of(task.request),
                        now=now,
                        limits=limits,
                        excluded=kept.excluded,
                    )
        return None

    def judge(self, task: RequestId, owner: str, verdict: float) -> Taught:
        """Take a person's word on an answer, 0 to 1.

        Raises:
            UnknownTaskError: it is not remembered, or it is somebody else's.
            JudgedError: it was judged before.
        """
        heard = self._recalled(task, owner)
        self._memory.judge(task)
        self._teach(heard, verdict, "user", is_kept=True)
        return Taught(task=task, verdict=verdict, kind=heard.kind.most_likely, shares=heard.shares)

    def compare(self, task: RequestId, owner: str, right: str) -> Taught:
        """Judge an answer by the right one.

        Raises:
            UnknownTaskError, JudgedError: as `judge`.
            InvalidRequestError: whether they are the same cannot be told.
        """
        heard = self._recalled(task, owner)
        verdict = None if heard.text is None else exact.judge(right, heard.text)
        if verdict is None:
            raise InvalidRequestError(
                "Whether the answer is that one cannot be told by comparing the texts: send "
                "`right` or `score` instead.",
                param="answer",
            )
        return self.judge(task, owner, verdict)

    async def forget(self, *, before: float | None = None, task: RequestId | None = None) -> int:
        """Destroy what was stored, all or what fits, and forget the answers; return how many were.

        What the router has learnt of kinds stays, as counts without a trace of the tasks, until it
        fades or the node starts anew.

        Raises:
            StorageError: it cannot be destroyed.
        """
        self._memory.forget(before=before, task=task)
        self._router.forget(before=before, task=task)
        return await self._store.delete(before=before, task=task)

    async def recall(self, limit: int = MOST_RECALLED) -> int:
        """Learn again what was stored in earlier lives; return how many verdicts that were.

        Raises:
            StorageError: it cannot be read.
        """
        return self._learn_again(await self._store.recent(limit))

    async def study(self, entries: Sequence[Entry]) -> int:
        """Learn and keep verdicts of another node or day; return how many were new.

        Those on kinds of task that are not known here are left out.

        Raises:
            StorageError: what is there already cannot be read.
        """
        async with aclosing(self._store.export()) as there:
            seen = {entry.key async for entry in there}
        new = {entry.key: entry for entry in entries if entry.kind in KINDS}
        fresh = [entry for key, entry in new.items() if key not in seen]
        for entry in fresh:
            kept = entry.embedding if self._keeps_embeddings else None
            self._store.add(msgspec.structs.replace(entry, embedding=kept))
        return self._learn_again(fresh)

    def _learn_again(self, entries: Sequence[Entry]) -> int:
        now = self._clock()
        known = [entry for entry in entries if entry.kind in KINDS]
        # Evidence fades from the day it is of, so it has to come in that order.
        for entry in sorted(known, key=lambda one: one.at):
            self._router.learn(
                Outcome(
                    node=entry.node,
                    model=entry.model,
                    kind=TaskKind.certain(entry.kind),
                    at=min(entry.at, now),
                    operation=entry.operation,
                    p_right=entry.verdict,
                    weight=entry.weight,
                    embedding=entry.embedding,
                    task=entry.task,
                )
            )
        return len(known)

    def _remember(self, listener: Listener, features: TaskFeatures, task: Task) -> Recollection:
        heard = listener.recollection(features, self._clock())
        if task.is_kept:
            self._memory.add(heard)
        return heard

    def _verify(self, heard: Recollection, task: Task, text: str | None) -> None:
        """Judge an answer by program, where one can; an answer that was cut may not be wrong."""
        if text is None or heard.is_cut:
            return
        if task.tests is not None:
            self._test(heard, task, text)
            return
        verdict = verdict_on(task.request, text, task.expected)
        if verdict is not None:
            self._teach(heard, verdict, "verifier", is_kept=task.is_kept)

    def _test(self, heard: Recollection, task: Task, text: str) -> None:
        """Have an answer tested, in time, and the verdict learnt from unless it was forgotten."""

        def tell(is_right: bool) -> None:
            is_known = self._memory.find(heard.task, self._clock()) is not None
            if is_known or not task.is_kept:
                self._teach(heard, float(is_right), "verifier", is_kept=task.is_kept)

        self._coordinator.prover.prove_later(task, begun_of(task.request) + text, tell)

    def _recalled(self, task: RequestId, owner: str) -> Recollection:
        heard = self._memory.find(task, self._clock())
        # Others learn nothing of a task, not even that it was.
        if heard is None or heard.owner != owner:
            raise UnknownTaskError(
                f"No answer {task!r} of yours is remembered here: this node remembers the last "
                f"{MOST_REMEMBERED}, for a day, and none of before its start.",
                param="id",
            )
        if self._memory.is_judged(task):
            raise JudgedError(
                "That answer was judged already, and the first word stands.", param="id"
            )
        return heard

    def _teach(self, heard: Recollection, verdict: float, source: Source, *, is_kept: bool) -> None:
        now = self._clock()
        self._coordinator.learn(heard.task, verdict)
        for share in self._taught(heard):
            self._router.learn(
                Outcome(
                    node=share.node,
                    model=share.model,
                    kind=heard.kind,
                    at=now,
                    operation=heard.operation,
                    p_right=verdict,
                    weight=share.weight,
                    embedding=heard.embedding,
                    task=heard.task,
                )
            )
            if is_kept:
                self._store.add(self._entry(heard, share, verdict, source, now))

    def _keep(self, outcome: Outcome, source: Source) -> None:
        """Store a verdict that a strategy came to, on an answer that may not have been told."""
        if outcome.task is None or outcome.p_right is None:
            return
        self._store.add(
            Entry(
                task=outcome.task,
                at=outcome.at,
                kind=outcome.kind.most_likely,
                node=outcome.node,
                model=outcome.model,
                operation=outcome.operation,
                verdict=outcome.p_right,
                source=source,
                weight=outcome.weight,
                embedding=outcome.embedding if self._keeps_embeddings else None,
            )
        )

    def _taught(self, heard: Recollection) -> tuple[Share, ...]:
        """Return whose rates a verdict is on: nobody's, where the answer was picked among several.

        A model that is told only where others agree, or a program, looks better than it is; one
        that is asked only where others failed looks worse.
        """
        if not heard.is_picked:
            return heard.shares
        return tuple(share._replace(weight=0.0) for share in heard.shares)

    def _entry(
        self, heard: Recollection, share: Share, verdict: float, source: Source, now: float
    ) -> Entry:
        return Entry(
            task=heard.task,
            at=now,
            kind=heard.kind.most_likely,
            node=share.node,
            model=share.model,
            operation=heard.operation,
            verdict=verdict,
            source=source,
            weight=share.weight,
            latency_s=heard.latency_s,
            tokens=heard.usage.completion_tokens,
            cost_usd=self._cost_usd(share.node, share.model, heard.usage),
            embedding=heard.embedding if self._keeps_embeddings else None,
        )

    def _cost_usd(self, node: NodeId, model: str, usage: Usage) -> float | None:
        """Return what an answer cost, by the card of its model; nothing where that is not told."""
        entry = self.directory.entries.get(node)
        cards = () if entry is None else entry.cards
        card = next((card for card in cards if card.name == model), None)
        if card is None or (card.is_metered and card.price == Price()):
            return None
        price = card.price
        read_usd = usage.prompt_tokens * price.input_per_mtok
        return max(0.0, (read_usd + usage.completion_tokens * price.output_per_mtok) / 1e6)
