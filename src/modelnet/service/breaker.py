"""A circuit breaker: a model that failed rests a while, longer each time, then is tried again."""

from dataclasses import dataclass

from modelnet.core.error import ModelnetError, OverloadedError

_FIRST_REST_S = 1.0
_LONGEST_REST_S = 60.0
_OVERLOAD_REST_S = 0.5
"""For a refusal that does not say when to come back."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """Closed while `now >= rests_until`: the model is asked as usual. Times are Unix seconds."""

    failures: int = 0
    """Failures in a row; being overloaded is none."""
    rests_until: float = 0.0

    def is_open(self, now: float) -> bool:
        """Tell whether the model should rest."""
        return now < self.rests_until

    def failed(self, error: ModelnetError, now: float) -> "Breaker":
        """Return the breaker after an error; one that is the asker's own fault changes nothing."""
        if error.fault == "asker":
            return self
        if isinstance(error, OverloadedError):
            rest_s = _OVERLOAD_REST_S if error.retry_after_s is None else error.retry_after_s
            return self._resting(self.failures, min(rest_s, _LONGEST_REST_S), now)
        doublings = min(self.failures, 16)
        return self._resting(
            self.failures + 1, min(_FIRST_REST_S * 2**doublings, _LONGEST_REST_S), now
        )

    def _resting(self, failures: int, rest_s: float, now: float) -> "Breaker":
        return Breaker(failures, max(self.rests_until, now + rest_s))


CLOSED = Breaker()
