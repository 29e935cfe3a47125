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
from modelnet.service.exam import Exam, Reply, is_examiner, skills_to_examine, standing_from
from modelnet.service.skill import Question
from modelnet.service.timing import Stopwatch

_log = logging.getLogger(__name__)

ANSWER_S = 10.0
"""A question not answered by then counts as wrong."""

MAX_ANSWER_TOKENS = 160

QUESTIONS_PER_NEWCOMER = 12
"""A skill: enough to tell a specialist from a bluffer, and done before anyone waits for it."""

SILENCES = 3
"""After so many questions in a row without an answer the exam ends, and counts as it stands."""

_LEAST_PAUSE_S = 0.1

_Identity = tuple[NodeId, str, float]
"""A model of a node in one of its lives."""

Tell = Callable[[tuple[Standing, ...]], Awaitable[None]]
"""How the network hears what this node measured."""


class ExamProgress(msgspec.Struct, frozen=True):
    """How many questions are answered, of how many."""

    done: int
    of: int


class Examiner:
    """Examines the newcomers that fall to this node, and whoever it is asked to examine."""

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

    async def run(self) -> None:
        """Examine newcomers until cancelled, one after another."""
        while True:
            judged = _who_serves_what(self._watcher.directory)
            while (offer := self._next()) is not None:
                self._seen.add(_identity(offer))
                await self._examine_newcomer(offer)
            # Load beacons change the directory all the time, and nothing here.
            while judged == _who_serves_what(self._watcher.directory):
                await self._watcher.wait()

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
        questions = exam.questions()
        model = self._model_of(offer)
        replies: list[Reply] = []
        for question in questions:
            replies.append(await self._ask(model, question))
            yield ExamProgress(len(replies), len(questions))
            if [reply.text for reply in replies[-SILENCES:]] == [None] * SILENCES:
                break
        standing = standing_from(
            questions[: len(replies)],
            replies,
            examiner=self._node,
            node=offer.node,
            model=offer.card.name,
            now=self._clock(),
        )
        if seed is None:
            await self._publish(offer, standing)
        yield standing

    def _next(self) -> Offer | None:
        directory = self._watcher.directory
        offers = directory.offers
        self._seen &= {_identity(offer) for offer in offers}
        for offer in offers:
            is_new = _identity(offer) not in self._seen
            if is_new and _is_examinable(offer.card) and self._is_mine(directory, offer):
                return offer
        return None

    def _is_mine(self, directory: Directory, offer: Offer) -> bool:
        return is_examiner(self._node, offer.node, offer.card.name, directory.entries)

    async def _examine_newcomer(self, offer: Offer) -> None:
        try:
            async with aclosing(self.examine(offer)) as steps:
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


def _who_serves_what(directory: Directory) -> list[tuple[NodeId, float, int]]:
    return [(entry.node, entry.since, id(entry.cards)) for entry in directory.entries.values()]
