"""How sure we are of answers once they are there: one probability from all that speaks for each.

Log-odds add up (Nitzan and Paroush 1982): what the model's standing leads to expect, how sure it
was of its own words, what a program could check, and which other voices agree. Answers that can be
compared share one unit of probability with "none of them". Pure.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelnet.core.request import Request
from modelnet.service.pathway.agreement import conclusion
from modelnet.service.pathway.answer import Answer, is_one_voice
from modelnet.service.pathway.verifier import is_right, is_well_formed


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What each sign is worth. Not fitted: careful guesses, to be replaced by what data say."""

    p_least: float = 0.02
    """No standing makes a model worse or, from the other end, better than this."""
    p_same_mistake: float = 0.6
    """How often two models that are both wrong say the same."""
    usual_logprob: float = -0.25
    """Mean log-probability of a token in an answer that is no surer than the standing says."""
    logprob_weight: float = 2.0
    """Log-odds for one more of it."""
    most_by_logprob: float = 1.5
    """Log-odds at most, up or down: models are surer than they are right."""
    right: float = 4.0
    """Log-odds of an answer that was worked out; as much against one that was refuted."""
    well_formed: float = 0.5
    ill_formed: float = -4.0
    cut: float = -1.0
    """An answer that `max_tokens` cut off."""
    shared_difficulty: float = 0.5
    """How far what is hard for one model is hard for the next: 0 not at all, 1 altogether."""


DEFAULT = Calibration()


def confidences(
    request: Request, answers: Sequence[Answer], calibration: Calibration = DEFAULT
) -> tuple[float, ...]:
    """Return how probably each answer is right, given all of them."""
    own = [_log_odds(request, answer, calibration) for answer in answers]
    said = [conclusion(answer.text, answer.tool_calls) for answer in answers]
    worth = {
        what: _worth(
            [i for i, other in enumerate(said) if other == what], answers, own, calibration
        )
        for what in set(said)
        if what is not None
    }
    return tuple(
        _alone(log_odds) if what is None else _share(worth[what], worth.values())
        for what, log_odds in zip(said, own, strict=True)
    )


def log_odds_of(p: float, calibration: Calibration = DEFAULT) -> float:
    """Return the log-odds of a probability, bounded by what a standing can tell."""
    bounded = min(max(p, calibration.p_least), 1.0 - calibration.p_least)
    return math.log(bounded / (1.0 - bounded))


def support(p: float, calibration: Calibration = DEFAULT) -> float:
    """Return what the agreement of one more voice is worth, in log-odds, by Bayes' rule.

    That of a model which is mostly wrong is worth less than nothing: it says what others get wrong.
    """
    return log_odds_of(p, calibration) - math.log(calibration.p_same_mistake)


def _log_odds(request: Request, answer: Answer, calibration: Calibration) -> float:
    odds = log_odds_of(answer.scored.quality.mean, calibration)
    if answer.logprob is not None:
        surer = calibration.logprob_weight * (answer.logprob - calibration.usual_logprob)
        odds += min(max(surer, -calibration.most_by_logprob), calibration.most_by_logprob)
    proof, form = is_right(request, answer), is_well_formed(request, answer)
    if proof is not None:
        odds += calibration.right if proof else -calibration.right
    if form is not None:
        odds += calibration.well_formed if form else calibration.ill_formed
    return odds + (calibration.cut if answer.finish == "length" else 0.0)


def _worth(
    supporters: Sequence[int],
    answers: Sequence[Answer],
    own: Sequence[float],
    calibration: Calibration,
) -> float:
    """Return the log-odds of one answer: its voices', each for as much as it is another's."""
    heard: list[int] = []
    for i in sorted(supporters, key=lambda i: -own[i]):
        if not any(is_one_voice(answers[i].offer, answers[other].offer) for other in heard):
            heard.append(i)
    surprise = -math.log(calibration.p_same_mistake)
    return sum(own[i] for i in heard) + surprise * (len(heard) - 1)


def _alone(log_odds: float) -> float:
    return _share(log_odds, [log_odds])


def _share(log_odds: float, every: Iterable[float]) -> float:
    """Return the probability of one among several of which at most one is right."""
    scores = [0.0, *every]
    highest = max(scores)
    return math.exp(log_odds - highest) / sum(math.exp(score - highest) for score in scores)
