"""What answers that were asked at once say of each other, where no program can tell. Pure.

Of each answer: how probably it is right by what the others said, as if nothing was known of its own
model. So a rate is never raised by itself. Whoever stops listening early, because two agree, does
no harm: what was heard is weighed as it stands.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from modelnet.core.request import Request
from modelnet.service.pathway.agreement import conclusion
from modelnet.service.pathway.answer import Answer, is_one_voice
from modelnet.service.pathway.confidence import DEFAULT, Calibration, confidences
from modelnet.service.pathway.verifier import is_right
from modelnet.service.standing import Estimate

_NOTHING_KNOWN = Estimate(mean=0.5, deviation=0.5, asked=0.0)


class Opinion(NamedTuple):
    """A verdict of others on one answer."""

    answer: Answer
    p_right: float
    weight: float
    """How much it tells of a rate, 0 to 1, where a sure verdict tells 1: a verdict that is wrong
    with probability e has (1 - 2e)^2 of its information."""


def opinions(
    request: Request, answers: Sequence[Answer], calibration: Calibration = DEFAULT
) -> tuple[Opinion, ...]:
    """Return what is said of each answer that others, independent of it, can be compared with."""
    if any(is_right(request, answer) is not None for answer in answers):
        return ()
    comparable = [a for a in answers if conclusion(a.text, a.tool_calls) is not None]
    return tuple(
        _opinion(request, one, others, calibration)
        for one in comparable
        if (others := [a for a in comparable if not is_one_voice(a.offer, one.offer)])
    )


def _opinion(
    request: Request, one: Answer, others: Sequence[Answer], calibration: Calibration
) -> Opinion:
    unknown = replace(one, scored=replace(one.scored, quality=_NOTHING_KNOWN), logprob=None)
    p_right = confidences(request, [unknown, *others], calibration)[0]
    return Opinion(one, p_right, (2.0 * p_right - 1.0) ** 2)
