"""What a trial shows: that an ability works, that it fails, or nothing; and the model's speed."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.error import (
    ContextTooLongError,
    DeadlineError,
    InvalidRequestError,
    ModelnetError,
    OverloadedError,
    PeerLostError,
)
from modelnet.service.ability.claim import Ability
from modelnet.service.ability.trial import Trial

Verdict: TypeAlias = Literal["works", "fails", "untried"]

_NOTHING_SHOWN = (OverloadedError, PeerLostError)
"""Errors that say nothing of what the model can do."""

_SHORTEST_S = 1e-3
"""What comes within less was sent as one piece: then the whole answer is timed."""


class Heard(msgspec.Struct, frozen=True):
    """What came back for one request."""

    chunks: tuple[Chunk, ...] = ()
    error: ModelnetError | None = None
    first_s: float = 0.0
    """Until the first word."""
    seconds: float = 0.0
    """Until the end."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial of one ability showed."""

    ability: Ability
    verdict: Verdict
    why: str = ""
    """One sentence, where it does not work."""
    seconds: float = 0.0
    """How long it took."""


class Speed(msgspec.Struct, frozen=True):
    """How fast a model speaks, network and all."""

    first_token_s: float
    tokens_per_s: float


def verdict(trial: Trial, heard: Sequence[Heard]) -> tuple[Verdict, str]:
    """Return what the answers to a trial show, and why in one sentence where it is not well."""
    error = next((one.error for one in heard if one.error is not None), None)
    if trial.is_too_long:
        return _of_too_long(error)
    if error is not None:
        return _of_error(error, trial)
    wrong = next((told for one in heard if (told := trial.judge(one.chunks))), "")
    return ("fails", wrong) if wrong else ("works", "")


def speed(heard: Heard) -> Speed | None:
    """Return how fast an answer in words came, where it has any."""
    usage = heard.chunks[-1].usage if heard.chunks else None
    if usage is None or not usage.completion_tokens or heard.seconds <= 0:
        return None
    # What came with the first word took no time that can be told from that of the first.
    tokens = usage.completion_tokens - _tokens_at_first(heard.chunks)
    span_s = heard.seconds - heard.first_s
    if tokens < 1 or span_s < _SHORTEST_S:
        tokens, span_s = usage.completion_tokens, heard.seconds
    return Speed(heard.first_s, tokens / span_s)


def _tokens_at_first(chunks: Sequence[Chunk]) -> int:
    return next((max(1, one.n_tokens) for one in chunks if one.text or one.reasoning), 1)


def _of_too_long(error: ModelnetError | None) -> tuple[Verdict, str]:
    if error is None:
        return "fails", "It answered what is longer than its context, so it left out a part."
    if isinstance(error, ContextTooLongError):
        return "works", ""
    if isinstance(error, (*_NOTHING_SHOWN, DeadlineError)):
        return "untried", error.message
    return "fails", f"It did not say that the prompt is too long: {error.message}"


def _of_error(error: ModelnetError, trial: Trial) -> tuple[Verdict, str]:
    is_guess_refused = trial.is_guess and isinstance(error, InvalidRequestError)
    if is_guess_refused or isinstance(error, _NOTHING_SHOWN):
        return "untried", error.message
    return "fails", error.message
