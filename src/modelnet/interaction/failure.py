"""What went wrong on the way to an answer: whom not to ask again, what to tell the asker. Pure."""

from collections import Counter
from copy import copy

from modelnet.core.error import (
    AuthenticationError,
    EngineError,
    LimitError,
    ModelnetError,
    OverloadedError,
    PeerLostError,
    RequestError,
    SetupError,
)
from modelnet.resource.directory import Offer

_LEAST_PAUSE_S = 0.05

MAX_FAILURES = 32
"""Of one task, refusals included."""


class Failures:
    """The failures of one task. Times are Unix seconds.

    A node that left and came back is another offer (`Offer.since`) and may be asked again; an
    overloaded model may be asked again after the time it gave, each time later than the last.
    """

    def __init__(self) -> None:
        self._errors: list[ModelnetError] = []
        self._barred_until: dict[tuple[str, str, float], float] = {}
        self._refusals: Counter[tuple[str, str, float]] = Counter()
        self._limit: LimitError | None = None

    def add(self, offer: Offer, error: ModelnetError, now: float) -> None:
        """Note that asking `offer` failed."""
        self._errors.append(_told(error))
        identity, until = _identity(offer), float("inf")
        if isinstance(error, OverloadedError):
            pause_s = _LEAST_PAUSE_S * 2.0 ** self._refusals[identity]
            until = now + max(pause_s, error.retry_after_s or 0.0)
            self._refusals[identity] += 1
        self._barred_until[identity] = until

    def note(self, error: ModelnetError) -> None:
        """Note that nobody could be asked: what is told, or why nobody took over what failed."""
        if not self._errors:
            self._errors.append(error)
        elif isinstance(error, LimitError):
            self._limit = error

    @property
    def are_none(self) -> bool:
        """Whether nothing went wrong yet."""
        return not self._errors

    def bars(self, offer: Offer, now: float) -> bool:
        """Whether the offer failed this task and is not to be asked again yet."""
        return now < self._barred_until.get(_identity(offer), 0.0)

    def next_chance(self, now: float) -> float:
        """When the next overloaded model may be asked again; infinity when there is none."""
        return min((t for t in self._barred_until.values() if t > now), default=float("inf"))

    @property
    def are_too_many(self) -> bool:
        """Whether to stop trying: a large network must not be asked from end to end."""
        return len(self._errors) >= MAX_FAILURES

    @property
    def has_lost_peer(self) -> bool:
        """Whether a node died under this task: it, or another, may be back in a moment."""
        return any(isinstance(error, PeerLostError) for error in self._errors)

    @property
    def verdict(self) -> ModelnetError:
        """The failure to tell the asker, and the limit that kept others from taking over."""
        return self._worst if self._limit is None else _alone(self._worst, self._limit)

    @property
    def _worst(self) -> ModelnetError:
        """The failure that says most about what to do.

        That is the first, but where a model was only overloaded, the shortest wait of them all.
        """
        first = self._errors[0]
        overloads = [error for error in self._errors if isinstance(error, OverloadedError)]
        if overloads and not isinstance(first, RequestError):
            return min(overloads, key=lambda error: error.retry_after_s or 0.0)
        return first

    def explain(self, because: str) -> str:
        """Say why the next model is asked, beginning with why the last one is not."""
        if not self._errors:
            return because
        last = self._errors[-1]
        return f"took over after {last.code} ({last.message.rstrip('.')}); {because}"


def _alone(error: ModelnetError, limit: LimitError) -> ModelnetError:
    told = copy(error)
    told.message = f"{error.message.rstrip('.')}; nobody took over: {limit.message}"
    told.args = (told.message,)
    return told


def _told(error: ModelnetError) -> ModelnetError:
    """Return a model's error as the asker's: it is not about the asker's keys or files."""
    if isinstance(error, AuthenticationError | SetupError) or type(error) is ModelnetError:
        return EngineError(error.message)
    return error


def _identity(offer: Offer) -> tuple[str, str, float]:
    return offer.node, offer.card.name, offer.since
