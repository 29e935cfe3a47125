"""How probably an answer is right once it is there: its length and its form say much.

A model that writes long where it usually writes little is unsure; one that calls no tool where
queries of this kind want a call has most likely gone wrong. Logistic regression on such signals,
one a model, each drawn to what holds for all models.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from modelnet.service.prediction.number import Floats, Ints, log_odds, logistic, sigmoid

_SHARED_PENALTY = 30.0
_OWN_PENALTY = 30.0
_MOST_DEVIATIONS = 3.0
_P_BOUND = 0.003


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What can be seen of the answers of `m` models to `n` queries, whether asked for or not."""

    distinct: Ints
    """Which answers are the same, `(n, m)`: equal numbers in a row; see `agreement`."""
    form: Ints
    """What an answer looks like, `(n, m)`, an index: a text, no call, one call, several..."""
    tokens: Floats | None = None
    """Length, `(n, m)`, where it is known."""

    def rows(self, which: np.ndarray) -> "Answers":
        """Return the answers to some of the queries."""
        tokens = None if self.tokens is None else self.tokens[which]
        return Answers(distinct=self.distinct[which], form=self.form[which], tokens=tokens)


@dataclass(frozen=True, slots=True)
class Confidence:
    """From the probability before an answer to that after it."""

    n_forms: int
    log_mean: Floats
    log_deviation: Floats
    weights: Floats
    """`(m, signals)`."""

    @classmethod
    def fit(cls, p: Floats, kinds: Floats, answers: Answers, right: Floats) -> Self:
        """Learn from answers `right (n, m)` whose probabilities before were `p (n, m)`.

        `kinds (n, k)` is the posterior of the kind of each query.
        """
        lengths = np.log1p(answers.tokens if answers.tokens is not None else np.zeros_like(p))
        unfitted = cls(
            int(answers.form.max(initial=0)) + 1,
            lengths.mean(axis=0),
            lengths.std(axis=0) + 1e-3,
            np.zeros((p.shape[1], 0)),
        )
        signals = [unfitted._signals(p, kinds, answers, model) for model in range(p.shape[1])]
        asked = ~np.isnan(right)
        size = int(signals[0].shape[1])
        prior = np.zeros(size)
        prior[1] = 1.0
        every = np.concatenate([rows[asked[:, m]] for m, rows in enumerate(signals)])
        shared = logistic(every, right.T[asked.T], np.full(size, _SHARED_PENALTY), prior)
        own = [
            logistic(rows[asked[:, m]], right[asked[:, m], m], np.full(size, _OWN_PENALTY), shared)
            for m, rows in enumerate(signals)
        ]
        return cls(unfitted.n_forms, unfitted.log_mean, unfitted.log_deviation, np.stack(own))

    def p_right(self, p: Floats, kinds: Floats, answers: Answers) -> Floats:
        """Return the probabilities after the answers, `(n, m)`."""
        after = [
            sigmoid(self._signals(p, kinds, answers, model) @ weights)
            for model, weights in enumerate(self.weights)
        ]
        return np.clip(np.stack(after, axis=1), _P_BOUND, 1.0 - _P_BOUND)

    def _signals(self, p: Floats, kinds: Floats, answers: Answers, model: int) -> Floats:
        before = log_odds(p[:, model])
        parts: list[Floats] = [np.ones_like(before), before]
        if answers.tokens is not None:
            length = np.log1p(answers.tokens[:, model])
            length = (length - self.log_mean[model]) / self.log_deviation[model]
            length = np.clip(length, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
            parts += [length, length**2, length * before]
        for form in range(self.n_forms if self.n_forms > 1 else 0):
            has_form = (answers.form[:, model] == form).astype(np.float64)
            parts += [has_form, has_form * before, *(has_form * kind for kind in kinds.T)]
        return np.stack(parts, axis=1)
