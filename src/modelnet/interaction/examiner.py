"""Measuring models: holds exams over the network and keeps what this node found out."""

import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import anyio
import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError, OverloadedError, PeerLostError
from modelnet.core.identity import NodeId
from modelnet.core.request import Chat, Message, Sampling
from modelnet.core.standing import Standing
from modelnet.interaction.progress import Progress
from modelnet.interaction.strategy.pool import ModelOf
from modelnet.resource.directory import Directory, Offer
from modelnet.resource.model import Model
from modelnet.resource.watcher import Watcher
from modelnet.service.change import Change
from modelnet.service.exam import (
    Exam,
    Reply,
    best_of_others,
    is_examiner,
    is_right,
    skills_to_examine,
    standing_from,
)
from modelnet.service.sitting import AdaptiveSitting, FixedSitting, Sitting
from modelnet.service.skill import Question
from modelnet.service.timing import Stopwatch

_log = logging.getLogger(__name__)

ANSWER_S = 10.0
"""A question not answered by then counts as wrong."""

MAX_ANSWER_TOKENS = 160

QUESTIONS_PER_NEWCOMER = 12
"""A skill, at most on average: done before anyone waits for it."""

AGAIN_S = 600.0
"""A model that changes and changes is examined again no sooner than this."""

SILENCES = 3
"""After so many questions in a row without an answer the exam ends, and counts as it stands."""

_LEAST_PAUSE_S = 0.1

_Identity = tuple[NodeId, str, float]
"""A model of a node in one of its lives."""

_Served = tuple[NodeId, float, int]
"""A node in one of its lives, and its cards."""

Tell = Callable[[tuple[Standing, ...]], Awaitable[None]]
"""How the network hears what this node measured."""


class ExamProgress(msgspec.Struct, frozen=True):
    """How many questions are answered, of how many."""

    done: int
    of: int


class Examiner:
    """Examines newcomers that fall to this node, what has changed, and whoever it is asked to."""

    def __init__(
        self, node: NodeId, watcher: Watcher, model_of: ModelOf, tell: Tell, clock: Clock
    ) -> None:
        self._node = node
        self._watcher = watcher
        self._model_of = model_of
        self._tell = tell
        self._clock = clock
        self._measured: dict[tuple[_Identity, tuple[str, ...]], Standing] = {}
        self._seen: set[_Identity] = set()
        self._doubted: set[tuple[NodeId, str]] = set()
        self._again_at: dict[tuple[NodeId, str], float] = {}
        self._doubts = anyio.Event()

    async def run(self) -> None:
        """Examine newcomers, and models that changed, until cancelled, one after another."""
        while True:
            judged = _who_serves_what(self._watcher.directory)
            while (offer := self._next()) is not None:
                self._seen.add(_identity(offer))
                self._doubted.discard(offer.key)
                await self._examine_uninvited(offer)
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch, judged, group.cancel_scope)
                await self._doubts.wait()
                group.cancel_scope.cancel()

    async def examine(
        self,
        offer: Offer,
        *,
        skills: tuple[str, ...] = (),
        questions_per_skill: int = QUESTIONS_PER_NEWCOMER,
        seed: int | None = None,
    ) -> AsyncGenerator[ExamProgress | Standing, None]:
        """Hold an exam, one question at a time: it must not crowd out the work.

        Yields the progress after every question and at last what was measured. Without `skills`
        the model is asked what it claims. Without `seed` nobody can foresee the questions, and the
        network is told the result; one with a known seed proves nothing to others.

        Raises:
            PeerLostError: the node went away before the end.
        """
        exam = Exam(
            skills or skills_to_examine(offer.card),
            secrets.randbits(63) if seed is None else seed,
            questions_per_skill,
        )
        async with aclosing(self._hold(offer, FixedSitting(exam), is_secret=seed is None)) as steps:
            async for step in steps:
                yield step

    def doubt(self, change: Change) -> None:
        """Note that a model has changed: it is told in the log, and examined again."""
        _log.warning(
            "%s at %s became %s: %.0f %% right before, %.0f %% of the last %.0f answers",
            *(change.model, change.node, change.direction),
            *(100 * change.before, 100 * change.since, change.answers),
        )
        now = self._clock()
        self._again_at = {key: at for key, at in self._again_at.items() if now < at + AGAIN_S}
        key = change.node, change.model
        if key not in self._again_at:
            self._again_at[key] = now
            self._doubted.add(key)
            doubts, self._doubts = self._doubts, anyio.Event()
            doubts.set()

    async def _hold(
        self, offer: Offer, sitting: Sitting, *, is_secret: bool
    ) -> AsyncGenerator[ExamProgress | Standing, None]:
        """Ask what the sitting draws, one question at a time; tell the result if it proves any."""
        model = self._model_of(offer)
        questions: list[Question] = []
        replies: list[Reply] = []
        while (question := sitting.draw()) is not None:
            questions.append(question)
            replies.append(await self._ask(model, question))
            sitting.note(question.skill, is_right=is_right(question, replies[-1]))
            yield ExamProgress(len(replies), sitting.most)
            if [reply.text for reply in replies[-SILENCES:]] == [None] * SILENCES:
                break
        standing = standing_from(
            questions,
            replies,
            examiner=self._node,
            node=offer.node,
            model=offer.card.name,
            now=self._clock(),
        )
        if is_secret:
            await self._publish(offer, standing)
        yield standing

    async def _watch(self, judged: list[_Served], scope: anyio.CancelScope) -> None:
        """Cancel when someone serves something else; load beacons change the directory, too."""
        while judged == _who_serves_what(self._watcher.directory):
            await self._watcher.wait()
        scope.cancel()

    def _next(self) -> Offer | None:
        directory = self._watcher.directory
        offers = directory.offers
        self._seen &= {_identity(offer) for offer in offers}
        self._doubted &= {offer.key for offer in offers}
        for offer in offers:
            if _is_examinable(offer.card) and self._is_due(directory, offer):
                return offer
        return None

    def _is_due(self, directory: Directory, offer: Offer) -> bool:
        """Whether it is a newcomer that falls to this node, or one that changed as it has seen."""
        if offer.key in self._doubted:
            return True
        return _identity(offer) not in self._seen and self._is_mine(directory, offer)

    def _is_mine(self, directory: Directory, offer: Offer) -> bool:
        return is_examiner(self._node, offer.node, offer.card.name, directory.entries)

    async def _examine_uninvited(self, offer: Offer) -> None:
        skills = skills_to_examine(offer.card)
        exam = Exam(skills, secrets.randbits(63), QUESTIONS_PER_NEWCOMER)
        sitting = AdaptiveSitting(exam, best_of_others(offer, self._watcher.directory.offers))
        try:
            async with aclosing(self._hold(offer, sitting, is_secret=True)) as steps:
                async for _ in steps:
                    pass
        except ModelnetError as error:
            _log.info("no exam of %s at %s: %s", offer.card.name, offer.node_name, error)

    async def _ask(self, model: Model, question: Question) -> Reply:
        """Ask one question; a busy model is asked again, a dead one ends the exam."""
        deadline = self._clock() + ANSWER_S
        while True:
            try:
                return await self._ask_once(model, question, deadline)
            except PeerLostError:
                raise
            except OverloadedError as error:
                pause_s = max(_LEAST_PAUSE_S, error.retry_after_s or 0.0)
                if self._clock() + pause_s > deadline:
                    return Reply(None)
                await anyio.sleep(pause_s)
            except ModelnetError:
                return Reply(None)

    async def _ask_once(self, model: Model, question: Question, deadline: float) -> Reply:
        request = Chat(
            messages=(Message("user", question.prompt),),
            sampling=Sampling(temperature=0.0, max_tokens=MAX_ANSWER_TOKENS),
        )
        began = self._clock()
        text: list[str] = []
        tokens = 0
        progress, watch = Progress(request), Stopwatch(began)
        async with aclosing(model.run(request, deadline=deadline)) as chunks:
            async for chunk in chunks:
                text.append(chunk.text)
                progress.take(chunk)
                watch.note(progress.tokens, self._clock())
                tokens = chunk.usage.completion_tokens if chunk.usage else tokens
        return Reply("".join(text), watch.timing(self._clock()), tokens)

    async def _publish(self, offer: Offer, standing: Standing) -> None:
        self._measured[_identity(offer), tuple(sorted(standing.skills))] = standing
        here = {_identity(known) for known in self._watcher.directory.offers}
        self._measured = {key: value for key, value in self._measured.items() if key[0] in here}
        await self._tell(tuple(self._measured.values()))


def _identity(offer: Offer) -> _Identity:
    return offer.node, offer.card.name, offer.since


def _is_examinable(card: ModelCard) -> bool:
    """Whether a model is examined uninvited: not one that charges for its answers."""
    return card.is_free and "chat" in card.operations and bool(skills_to_examine(card))


def _who_serves_what(directory: Directory) -> list[_Served]:
    return [(entry.node, entry.since, id(entry.cards)) for entry in directory.entries.values()]
