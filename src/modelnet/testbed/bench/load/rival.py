"""The well-known ways to balance load, behind the same Router seam, to compare with."""

import random
from collections.abc import Callable, Sequence

from modelnet.core.identity import RequestId
from modelnet.core.standing import NEVER_MEASURED, Speed
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.candidate import obstacle
from modelnet.service.change import Change
from modelnet.service.outcome import Outcome
from modelnet.service.preference import BALANCED, Preference
from modelnet.service.routing import Scored
from modelnet.service.standing import Estimate

_UNJUDGED = Estimate(0.5, 0.0, 0.0)


class Rival:
    """A router that knows nothing but what its `order` looks at, and learns nothing."""

    def __init__(self, order: Callable[[Sequence[Offer], random.Random], list[Offer]]) -> None:
        """Rank by `order`, best first."""
        self._order = order

    def rank(
        self,
        features: TaskFeatures,
        candidates: Sequence[Offer],
        *,
        preference: Preference = BALANCED,  # noqa: ARG002 - a rival has none
        now: float,  # noqa: ARG002
        rng: random.Random,
    ) -> tuple[Scored, ...]:
        """Order those that are able to do the task."""
        able = [one for one in candidates if obstacle(one.card, features) is None]
        return tuple(_scored(one, features) for one in self._order(able, rng))

    def learn(self, outcome: Outcome) -> None:
        """Learn nothing."""

    def doubt(self, change: Change) -> None:
        """Believe nothing that could be doubted."""

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Know nothing that could be forgotten."""

    def speed(self, offer: Offer, now: float) -> Speed:  # noqa: ARG002
        """Know nothing."""
        return NEVER_MEASURED


def at_random() -> Rival:
    """Return the router that asks anyone."""
    return Rival(lambda able, rng: rng.sample(able, len(able)))


def round_robin() -> Rival:
    """Return the router that asks one after another, in a fixed order."""
    turn = 0

    def order(able: Sequence[Offer], _: random.Random) -> list[Offer]:
        nonlocal turn
        turn += 1
        in_order = sorted(able, key=lambda one: one.key)
        first = turn % max(1, len(in_order))
        return in_order[first:] + in_order[:first]

    return Rival(order)


def least_outstanding() -> Rival:
    """Return the router that asks whoever has the fewest requests; among equals, anyone."""
    return Rival(lambda able, rng: sorted(able, key=lambda one: (_outstanding(one), rng.random())))


def two_choices() -> Rival:
    """Return the router that draws two and asks the one with fewer requests.

    Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001).
    """

    def order(able: Sequence[Offer], rng: random.Random) -> list[Offer]:
        shuffled = rng.sample(able, len(able))
        return sorted(shuffled[:2], key=_outstanding) + shuffled[2:]

    return Rival(order)


RIVALS: dict[str, Callable[[], Rival]] = {
    "round robin": round_robin,
    "random": at_random,
    "least outstanding": least_outstanding,
    "two choices": two_choices,
}
"""Every rival by its name."""


def _outstanding(offer: Offer) -> int:
    return offer.load.running + offer.load.waiting


def _scored(offer: Offer, features: TaskFeatures) -> Scored:
    return Scored(
        candidate=offer,
        kind=features.kind.most_likely,
        on_kind=_UNJUDGED,
        quality=_UNJUDGED,
        latency_s=None,
        cost_usd=0.0,
        value=0.0,
    )
