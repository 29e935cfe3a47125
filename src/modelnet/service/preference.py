"""What someone gives up for what: probability of a right answer against time and money."""

from dataclasses import dataclass

from modelnet.core.task import AUTO
from modelnet.core.wish import Weights


@dataclass(frozen=True, slots=True)
class Preference:
    """Exchange rates: how much probability of a right answer a second or a dollar is worth."""

    p_per_second: float
    p_per_dollar: float

    def weighing(self, weights: Weights) -> "Preference":
        """Return it with those weights in place that were given."""
        return Preference(
            p_per_second=self.p_per_second if weights.second is None else weights.second,
            p_per_dollar=self.p_per_dollar if weights.dollar is None else weights.dollar,
        )


BALANCED = Preference(p_per_second=0.01, p_per_dollar=5.0)
"""One point of probability for a second of waiting, or for a fifth of a cent."""

PREFERENCES: dict[str, Preference] = {
    AUTO: BALANCED,
    f"{AUTO}:cheap": Preference(p_per_second=0.002, p_per_dollar=100.0),
    f"{AUTO}:fast": Preference(p_per_second=0.2, p_per_dollar=5.0),
    f"{AUTO}:best": Preference(p_per_second=0.001, p_per_dollar=0.05),
}
"""Every name that leaves the choice to the network, and what it weighs."""
