"""What the embedded zoo thought of its own words, and whether it was right."""

import math
import random
import time
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from modelnet.core.request import Chat, Message, Sampling
from modelnet.resource.backend.embedded import EmbeddedModel
from modelnet.resource.zoo import zoo_entries, zoo_model
from modelnet.service.pathway.confidence import DEFAULT, log_odds_of
from modelnet.service.skill import SKILLS, Question, draw, is_correct

_TIMEOUT_S = 30.0
_MAX_TOKENS = 120


_Row = tuple[float, float, bool]


class Voices(NamedTuple):
    """Answers of models, each array `(n,)`."""

    odds: np.ndarray
    """Log-odds by the standing of the model on the skill, as other questions show it."""
    logprob: np.ndarray
    """Mean over the tokens of the answer."""
    right: np.ndarray


async def asked(questions_per_skill: int, seed: int) -> tuple[Voices, Voices]:
    """Ask every model of the zoo questions of every skill; half of the answers, and the others.

    What is known of one half is the standing in the other.
    """
    halves: tuple[list[_Row], list[_Row]] = ([], [])
    for name in zoo_entries():
        model = zoo_model(name)
        await model.start()
        try:
            for skill in SKILLS:
                rng = random.Random(f"{seed} {skill}")
                drawn = [draw(skill, rng, "test") for _ in range(questions_per_skill)]
                answers = [await _answer(model, question) for question in drawn]
                even, odd = answers[::2], answers[1::2]
                halves[0].extend((_odds_in(odd), *answer) for answer in even)
                halves[1].extend((_odds_in(even), *answer) for answer in odd)
        finally:
            await model.stop()
    first, second = (Voices(*np.array(rows, dtype=float).T) for rows in halves)
    return first, second


def loss(voices: Voices, usual: float, weight: float) -> float:
    """Return the log loss of the probabilities that log-probabilities lead to."""
    most = DEFAULT.most_by_logprob
    odds = voices.odds + np.clip(weight * (voices.logprob - usual), -most, most)
    return float(np.logaddexp(0.0, np.where(voices.right > 0.5, -odds, odds)).mean())


def fitted(voices: Voices) -> tuple[float, float]:
    """Return `usual_logprob` and `logprob_weight` of the least loss."""
    start = np.array([DEFAULT.usual_logprob, DEFAULT.logprob_weight])
    usual, weight = minimize(lambda x: loss(voices, *x), start, method="Nelder-Mead").x
    return float(usual), float(weight)


async def _answer(model: EmbeddedModel, question: Question) -> tuple[float, bool]:
    sampling = Sampling(max_tokens=_MAX_TOKENS, temperature=0.0, top_logprobs=0)
    request = Chat((Message("user", question.prompt),), sampling)
    chunks = [c async for c in model.run(request, deadline=time.time() + _TIMEOUT_S)]
    logprobs = [t.logprob for c in chunks for t in c.tokens if math.isfinite(t.logprob)]
    text = "".join(chunk.text for chunk in chunks)
    return float(np.mean(logprobs)) if logprobs else 0.0, is_correct(question, text)


def _odds_in(answers: list[tuple[float, bool]]) -> float:
    right = sum(is_right for _, is_right in answers)
    return log_odds_of((right + 1.0) / (len(answers) + 2.0))
