"""How often a near question had another answer, and from which cosine on that is rare enough. Pure.

After vCache (Schroeder et al., "Verified Semantic Prompt Caching", arXiv 2502.03771): the limit is
the user's, and what keeps to it is found out, not set. Unlike there, the bound holds however often
it is looked at, and questions that the letter tells apart never come so far (`signature`).

A question that could have been answered from near by, but was not yet, is answered anew, and the
two answers are compared: that costs nobody anything. Once nearness is trusted, one in ten still is.
"""

import random
from collections import deque
from typing import NamedTuple

import msgspec

from modelnet.core.identity import RequestId
from modelnet.service.cache.bound import between

STEPS = (0.97, 0.94, 0.91, 0.88, 0.85)
"""Cosines from which on nearness may come to be trusted."""
LEAST_COSINE = STEPS[-1]

CHECKED = 0.1
"""Share of trusted near questions that are answered anew all the same."""
LIMIT = 0.01
"""The rate of wrong answers that is allowed, where no other is asked for."""

_ALPHA = 0.05
_REMEMBERED = 8192
_LEAST_IN_BAND = 50
"""Checks between a cosine and the next, for trust to reach down to it."""
_ANY = 2.0
"""Above every cosine."""


class Trial(NamedTuple):
    """One near question that was answered anew, or whose answer somebody judged."""

    cosine: float
    is_wrong: bool
    tasks: frozenset[RequestId]
    at: float


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """How far nearness is trusted, and on what that rests."""

    limit: float
    """The rate of wrong answers that is allowed."""
    from_cosine: float | None
    """Nearness counts from here on; nothing: not yet."""
    checks: int
    """Near questions of at least that cosine, or else of any, whose answers were compared."""
    wrong: int
    """How many of these had another answer."""
    rate_low: float
    rate_high: float
    """Between these lies the rate of wrong answers, in 95 of 100 nodes, however often one looks."""


class Trials:
    """Near questions of late."""

    def __init__(self, limit: float = LIMIT, checked: float = CHECKED) -> None:
        """Allow such a rate of wrong answers, and go on checking such a share."""
        self._limit = limit
        self._checked = checked
        self._known: deque[Trial] = deque(maxlen=_REMEMBERED)
        self._trust: Trust | None = None

    def note(self, trial: Trial) -> None:
        """Take in what became of a near question."""
        self._known.append(trial)
        self._trust = None

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Forget trials, all or those that fit."""
        kept = [
            one
            for one in self._known
            if not ((before is None or one.at < before) and (task is None or task in one.tasks))
        ]
        self._known = deque(kept, maxlen=_REMEMBERED)
        self._trust = None

    @property
    def trust(self) -> Trust:
        """How far nearness is trusted now."""
        if self._trust is None:
            self._trust = self._weighed()
        return self._trust

    def is_trusted(self, cosine: float) -> bool:
        """Tell whether questions that near may share an answer."""
        return self.trust.from_cosine is not None and cosine >= self.trust.from_cosine

    def is_due(self, rng: random.Random) -> bool:
        """Tell whether the next near question is to be answered anew, trusted or not."""
        return rng.random() < self._checked

    def _weighed(self) -> Trust:
        trusted, above = None, _ANY
        for step in STEPS:
            band, above = self._told(step, above, _ALPHA / len(STEPS)), step
            # Many that are very near must not answer for a few that are not, nor for none.
            if band.wrong > 1 and band.wrong > self._limit * band.checks:
                break
            told = self._told(step, _ANY, _ALPHA / len(STEPS))
            # The lowest wins: it answers most, and its bound is below the limit as well.
            if told.rate_high <= self._limit and band.checks >= _LEAST_IN_BAND:
                trusted = told
        if trusted is not None:
            return trusted
        return msgspec.structs.replace(self._told(LEAST_COSINE, _ANY, _ALPHA), from_cosine=None)

    def _told(self, step: float, above: float, alpha: float) -> Trust:
        verdicts = [one.is_wrong for one in self._known if step <= one.cosine < above]
        wrong = sum(verdicts)
        low, high = between(wrong, len(verdicts), alpha=alpha, bet=1.0 / self._limit)
        return Trust(
            limit=self._limit,
            from_cosine=step,
            checks=len(verdicts),
            wrong=wrong,
            rate_low=low,
            rate_high=high,
        )
