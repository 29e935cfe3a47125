"""Questions near by: what is compared of them, and what every comparison teaches."""

import random

from modelnet.core.clock import Clock
from modelnet.core.identity import RequestId
from modelnet.core.task import Task
from modelnet.interaction.coordinator import Coordinator
from modelnet.interaction.recall.recording import Question
from modelnet.service.cache.entry import Entry
from modelnet.service.cache.key import Key
from modelnet.service.cache.signature import signature_of
from modelnet.service.cache.store import AnswerCache, Near
from modelnet.service.cache.trial import LEAST_COSINE, Trial, Trials, Trust


class Nearness:
    """Finds answers to questions near by, and learns how often these differ."""

    def __init__(
        self,
        coordinator: Coordinator,
        cache: AnswerCache,
        trials: Trials,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """Look in `cache`; `rng` says which trusted answers are compared all the same."""
        self._coordinator = coordinator
        self._cache = cache
        self._trials = trials
        self._clock = clock
        self._rng = rng

    @property
    def trust(self) -> Trust:
        """How far nearness is trusted now."""
        return self._trials.trust

    async def read(self, task: Task, key: Key) -> Question | None:
        """Return what is compared of a question; nothing where it cannot be."""
        signature = None if key.question is None else signature_of(key.question)
        if signature is None:
            return None
        read = await self._coordinator.read(task, is_again=True, is_compared=True)
        if read.embedding is None:
            return None
        return Question(signature, read.embedding, read.kind.most_likely)

    def find(self, key: Key, question: Question) -> Near | None:
        """Return the nearest answer whose question may be the same."""
        now = self._clock()
        return self._cache.near(
            key, question.embedding, question.signature, now, least=LEAST_COSINE
        )

    def may_be_told(self, near: Near) -> bool:
        """Tell whether an answer may be told to the question it is near to.

        Prose may not: whether two texts say the same is never compared, so nothing is known of it.
        """
        is_trusted = self._trials.is_trusted(near.cosine) and near.entry.conclusion is not None
        return is_trusted and not self._trials.is_due(self._rng)

    def compare(self, entry: Entry, near: Near) -> None:
        """Learn from the answer that was told whether the one near by says the same."""
        one, two = entry.conclusion, near.entry.conclusion
        if one is not None and two is not None:
            tasks = frozenset({entry.task, near.entry.task})
            self._learn(Trial(near.cosine, one != two, tasks, self._clock()), near.entry)

    def complain(self, entry: Entry, task: RequestId, cosine: float) -> None:
        """Learn that an answer was wrong for the question it was near to.

        That nobody complains says nothing, and that somebody is content little: neither counts.
        """
        tasks = frozenset({task, entry.task})
        self._learn(Trial(cosine, True, tasks, self._clock()), entry)

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Forget what was learnt, all or what fits."""
        self._trials.forget(before=before, task=task)

    def _learn(self, trial: Trial, entry: Entry) -> None:
        self._trials.note(trial)
        if trial.is_wrong:
            self._cache.seclude(entry.key)
