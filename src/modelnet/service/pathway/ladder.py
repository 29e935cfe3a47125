"""The ladder of a cascade: whom to ask after whom, cheapest first, and when to stop. Pure.

Prices are in probability: what the preference says that an answer's time and money are worth.
"""

from collections.abc import Sequence

from modelnet.service.pathway.confidence import DEFAULT, Calibration
from modelnet.service.preference import Preference
from modelnet.service.routing import Scored

MOST_RUNGS = 4

_LEAST_RISE = 0.01
_UNSURE = 0.5
"""How probably an answer is wrong, when it was not enough: what plans count with."""
_UNKNOWN_LATENCY_S = 1.0


def ladder(
    ranked: Sequence[Scored],
    preference: Preference,
    *,
    p_asked: float = 0.0,
    calibration: Calibration = DEFAULT,
) -> tuple[Scored, ...]:
    """Return the models to ask, in this order; of those who bear one name the first.

    Each is right so much more often than those before that it is worth its price where they were
    not sure; none is there that saves less than it costs. `p_asked` is the best standing of those
    already asked. At least one model is returned where nobody was asked yet.
    """
    priced = [(price(one, preference), i, one) for i, one in enumerate(_one_a_name(ranked))]
    rungs: list[Scored] = []
    best = p_asked
    for costs, _, scored in sorted(priced):
        p, unsure = scored.quality.mean, _UNSURE if best else 1.0
        if p > best + _LEAST_RISE and unsure * mends(p, best, calibration) > costs:
            rungs.append(scored)
            best = p
    saving = _without_waste(rungs, preference)
    if not saving and not p_asked:
        return tuple(ranked[:1])
    return tuple(saving[-MOST_RUNGS:])


def enough(
    upper: Scored, preference: Preference, *, p_asked: float, calibration: Calibration = DEFAULT
) -> float:
    """Return the confidence from which on asking `upper` as well is not worth its price."""
    mended = mends(upper.quality.mean, p_asked, calibration)
    return 0.0 if mended <= 0.0 else max(0.0, 1.0 - price(upper, preference) / mended)


def mends(p: float, p_asked: float, calibration: Calibration = DEFAULT) -> float:
    """Return how probably a model is right where those asked before were wrong.

    Between two extremes: as if it did not matter who failed, and as if it knew what they know.
    """
    beyond = max(0.0, p - p_asked) / (1.0 - p_asked) if p_asked < 1.0 else 0.0
    shared = calibration.shared_difficulty
    return (1.0 - shared) * p + shared * beyond


def after(p: float, p_before: float, calibration: Calibration = DEFAULT) -> tuple[float, float]:
    """Return how probably a model is right where one before was right, and where it was wrong.

    Taken together the two make `p`, as far as that can be.
    """
    mended = mends(p, p_before, calibration)
    if p_before <= 0.0:
        return p, mended
    return min(max((p - (1.0 - p_before) * mended) / p_before, 0.0), 1.0), mended


def awake(ranked: Sequence[Scored], now: float) -> Sequence[Scored]:
    """Return those who do not rest after failures, in order; all, where nobody else is there."""
    return [scored for scored in ranked if not scored.breaker.is_open(now)] or ranked


def price(scored: Scored, preference: Preference) -> float:
    """Return what asking a model costs, in probability."""
    time_worth = preference.p_per_second * seconds(scored)
    return time_worth + preference.p_per_dollar * scored.cost_usd


def seconds(scored: Scored) -> float:
    """Return the time of a model's answer, or what is assumed where it was never measured."""
    return _UNKNOWN_LATENCY_S if scored.latency_s is None else scored.latency_s


def _one_a_name(ranked: Sequence[Scored]) -> list[Scored]:
    firsts: dict[str, Scored] = {}
    for scored in ranked:
        firsts.setdefault(scored.candidate.card.name, scored)
    return list(firsts.values())


def _without_waste(rungs: Sequence[Scored], preference: Preference) -> list[Scored]:
    """Leave out who answers too rarely to save what it costs to ask it first."""
    kept: list[Scored] = []
    price_above = 0.0
    for scored in reversed(rungs):
        p, own = scored.quality.mean, price(scored, preference)
        if not kept or p * price_above > own:
            kept.insert(0, scored)
            price_above = own + (1.0 - p) * price_above
    return kept
