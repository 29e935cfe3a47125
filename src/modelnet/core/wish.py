"""What an asker wishes of the choice of a model: hard limits, and what time and money are worth."""

import math
from typing import Annotated

import msgspec

from modelnet.core.error import InvalidRequestError

Amount = Annotated[float, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


def _check(name: str, value: float | None, most: float = math.inf) -> None:
    if value is None or (0.0 <= value <= most and value < math.inf):
        return
    bounds = "a number from 0 on" if most == math.inf else f"from 0 to {most:g}"
    raise InvalidRequestError(f"`{name}` must be {bounds}, not {value:g}.", param=name)


class Weights(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """How much probability of a right answer a second or a dollar is worth; `None`: not said."""

    second: Amount | None = None
    dollar: Amount | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount; decoders have looked already, Python has not."""
        _check("weights.second", self.second)
        _check("weights.dollar", self.dollar)

    def over(self, usual: "Weights") -> "Weights":
        """Return these, and the usual ones where these say nothing."""
        return Weights(
            second=usual.second if self.second is None else self.second,
            dollar=usual.dollar if self.dollar is None else self.dollar,
        )


NO_WEIGHTS = Weights()


class Wish(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Limits that whoever answers must keep to, and weights for those who do; `None`: no limit."""

    max_cost_usd: Amount | None = None
    """Dollars that may be charged for the answer, failures on the way to it included."""
    max_latency_s: Seconds | None = None
    """Seconds within which 19 of 20 such answers are whole; the deadline is another thing."""
    min_quality: Probability | None = None
    """How probable a right answer must be."""
    weights: Weights = NO_WEIGHTS

    def __post_init__(self) -> None:
        """Refuse what is no limit; decoders have looked already, Python has not."""
        _check("max_cost_usd", self.max_cost_usd)
        _check("max_latency_s", self.max_latency_s)
        _check("min_quality", self.min_quality, most=1.0)
        if self.max_latency_s == 0.0:
            raise InvalidRequestError(
                "`max_latency_s` must be more than 0: no answer takes no time.",
                param="max_latency_s",
            )

    def over(self, usual: "Wish") -> "Wish":
        """Return this wish, and the usual one where this says nothing."""
        return Wish(
            max_cost_usd=usual.max_cost_usd if self.max_cost_usd is None else self.max_cost_usd,
            max_latency_s=usual.max_latency_s if self.max_latency_s is None else self.max_latency_s,
            min_quality=usual.min_quality if self.min_quality is None else self.min_quality,
            weights=self.weights.over(usual.weights),
        )


NO_WISH = Wish()
