"""How sure we are of answers once they are there: one probability from all that speaks for each.

Log-odds add up (Nitzan and Paroush 1982): what the model's standing leads to expect, how sure it
was of its own words, what a program could check, and which other voices agree: less than each is
worth alone, for models fail on the same questions. Answers that can be compared share one unit of
probability with "none of them". Pure.
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
    """What each sign is worth. What agreement is worth was fitted by `recipes/calibration`.

    November 2026, on 8,584 recorded questions to 58 models. The rest are careful guesses: no
    recorded answers tell of log-probabilities, sums, forms, or answers that were cut.
    """

    p_least: float = 0.02
    """No standing makes a model worse or, from the other end, better than this."""
    p_same_mistake: float = 0.35
    """How often two models that are both wrong say the same."""
    shared_difficulty: float = 0.55
    """How far what is hard for one model is hard for the next: 0 not at all, 1 altogether."""
    voice: float = 0.54
    """Log-odds for one more voice that agrees, whosever it is."""
    independence: float = 0.06
    """How much of its own log-odds comes on top: 1 if it erred as if there was no other."""
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


DEFAULT = Calibration()

DOUBTS = {"p_same_mistake": 0.1, "shared_difficulty": 0.1}
"""Standard deviations: how far the sets of records differ, and networks may."""


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
    """Return what a model's agreement says by itself, in log-odds, by Bayes' rule.

    That of one which is mostly wrong says less than nothing: it says what others get wrong.
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
    """Return the log-odds of one answer: the best voice's, and what the others add to it."""
    heard: list[int] = []
    for i in sorted(supporters, key=lambda i: -own[i]):
        if not any(is_one_voice(answers[i].offer, answers[other].offer) for other in heard):
            heard.append(i)
    leading, *others = (own[i] for i in heard)
    return leading + sum(calibration.voice + calibration.independence * odds for odds in others)


def _alone(log_odds: float) -> float:
    return _share(log_odds, [log_odds])


def _share(log_odds: float, every: Iterable[float]) -> float:
    """Return the probability of one among several of which at most one is right."""
    scores = [0.0, *every]
    highest = max(scores)
    return math.exp(log_odds - highest) / sum(math.exp(score - highest) for score in scores)
