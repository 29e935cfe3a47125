"""Who runs in a race: the best that are affordable, no two of them one voice. Pure."""

from collections.abc import Sequence

from modelnet.service.pathway.answer import is_one_voice
from modelnet.service.pathway.confidence import DEFAULT, Calibration, support
from modelnet.service.preference import Preference
from modelnet.service.routing import Scored


def lineup(
    ranked: Sequence[Scored],
    preference: Preference,
    *,
    size: int,
    now: float,
    calibration: Calibration = DEFAULT,
) -> tuple[Scored, ...]:
    """Return up to `size` models to ask at once, best first; the best one always.

    Not asked beside it is whose price is worth more than its answer, who rests after failures, and
    who is wrong so often that its agreement would speak for nothing.
    """
    members: list[Scored] = []
    for scored in ranked:
        if members and not _is_worth_it(scored, preference, now, calibration):
            continue
        if not any(is_one_voice(scored.candidate, other.candidate) for other in members):
            members.append(scored)
        if len(members) == size:
            break
    return tuple(members)


def _is_worth_it(
    scored: Scored, preference: Preference, now: float, calibration: Calibration
) -> bool:
    if support(scored.quality.mean, calibration) <= 0.0:
        return False
    is_affordable = preference.p_per_dollar * scored.cost_usd < scored.quality.mean
    return is_affordable and not scored.breaker.is_open(now)
