"""Exams: which questions are asked of a model, how replies are graded, and who examines whom."""

import hashlib
import random
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.standing import Standing, Tally
from modelnet.resource.directory import Offer
from modelnet.service.skill import SKILLS, Question, draw, is_correct
from modelnet.service.timing import Timing

QUESTIONS_PER_SKILL = 24
EXAMINERS = 3

NO_TIME = Timing(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Exam:
    """Questions from the held-out part of each skill.

    Whoever can guess the seed can prepare the answers: draw it from a secret source of randomness.
    """

    skills: tuple[str, ...]
    seed: int
    questions_per_skill: int = QUESTIONS_PER_SKILL

    def questions(self) -> tuple[Question, ...]:
        """Return the questions, the skills shuffled: always the same for the same exam.

        Raises:
            KeyError: there is no skill of that name.
        """
        rng = random.Random(self.seed)  # noqa: S311 - an exam must be repeatable from its seed
        drawn = [
            draw(skill, rng, "test")
            for skill in self.skills
            for _ in range(self.questions_per_skill)
        ]
        rng.shuffle(drawn)
        return tuple(drawn)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one question."""

    text: str | None
    """`None` when no answer came: that is graded as wrong, or hard questions could be dodged."""
    timing: Timing = NO_TIME
    tokens: int = 0


def skills_to_examine(card: ModelCard) -> tuple[str, ...]:
    """Return the skills a model is asked about: what it claims, or all when it claims nothing.

    Claimed skills for which there are no questions stay unmeasured.
    """
    if not card.skills:
        return tuple(SKILLS)
    return tuple(skill for skill in SKILLS if skill in card.skill_ids)


def best_of_others(offer: Offer, offers: Iterable[Offer]) -> dict[str, float]:
    """Return the best rate that was measured of any other model, by skill."""
    best: dict[str, float] = {}
    for other in offers:
        if other.key != offer.key:
            for skill, tally in other.skills.items():
                best[skill] = max(best.get(skill, 0.0), tally.mean())
    return best


def is_right(question: Question, reply: Reply) -> bool:
    """Tell whether a reply came and is correct."""
    return reply.text is not None and is_correct(question, reply.text)


def grade(questions: Sequence[Question], replies: Sequence[Reply]) -> dict[str, Tally]:
    """Count right answers, a skill at a time; the replies are in the order of the questions.

    Raises:
        ValueError: there is not one reply a question.
    """
    tallies: dict[str, Tally] = {}
    for question, reply in zip(questions, replies, strict=True):
        known = tallies.get(question.skill, Tally())
        tallies[question.skill] = known + Tally(float(is_right(question, reply)), 1.0)
    return tallies


def standing_from(
    questions: Sequence[Question],
    replies: Sequence[Reply],
    *,
    examiner: NodeId,
    node: NodeId,
    model: str,
    now: float,
) -> Standing:
    """Grade an exam and return what the examiner tells the network; `now` is Unix seconds."""
    answered = [reply for reply in replies if reply.text is not None]
    return Standing(
        examiner=examiner,
        node=node,
        model=model,
        skills=grade(questions, replies),
        latency_s=_median(r.timing.latency_s for r in answered) or 0.0,
        tokens_per_answer=statistics.fmean(r.tokens for r in answered) if answered else 0.0,
        measured_at=now,
        first_token_s=_median(r.timing.first_token_s for r in answered),
        tokens_per_s=_median(r.timing.tokens_per_s for r in answered),
    )


def _median(seen: Iterable[float | None]) -> float | None:
    known = [number for number in seen if number is not None]
    return statistics.median(known) if known else None


def examiners(
    owner: NodeId, model: str, nodes: Iterable[NodeId], count: int = EXAMINERS
) -> tuple[NodeId, ...]:
    """Return the nodes that examine a model, so that a newcomer sits `count` exams and not N.

    Every node computes the same answer, and one that comes or goes changes at most one place
    (rendezvous hashing, Thaler and Ravishankar 1998). The owner examines itself only when alone.
    """
    others = set(nodes) - {owner}
    if not others:
        return (owner,)
    return tuple(sorted(others, key=lambda node: _rank(owner, model, node), reverse=True)[:count])


def is_examiner(
    node: NodeId, owner: NodeId, model: str, nodes: Iterable[NodeId], count: int = EXAMINERS
) -> bool:
    """Tell whether `node` is among `examiners(owner, model, nodes, count)`, with few hashes."""
    if node == owner:
        return all(other == owner for other in nodes)
    mine, ahead = _rank(owner, model, node), 0
    for other in nodes:
        if other not in {owner, node} and _rank(owner, model, other) > mine:
            ahead += 1
            if ahead == count:
                return False
    return True


def _rank(owner: NodeId, model: str, node: NodeId) -> bytes:
    return hashlib.blake2b("\n".join((owner, model, node)).encode(), digest_size=16).digest()
