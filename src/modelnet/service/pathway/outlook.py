"""What will be seen of the answers to a task, known before anybody is asked. Pure.

Whoever asks several models gains only by telling right answers from wrong ones: a program proves
one, or two models say the same. Where neither can be expected, nothing is gained.
"""

import re
from dataclasses import dataclass

from modelnet.core.request import Chat, Request
from modelnet.service.analysis import TaskFeatures
from modelnet.service.kind import OTHER
from modelnet.service.pathway.verifier import can_prove

_CHOICES = re.compile(r"^[ (]*A[).:].*^[ (]*B[).:]", re.MULTILINE | re.DOTALL)
_LONGEST = 20_000
"""Characters in which choices are looked for."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """How answers will be told apart."""

    is_provable: bool = False
    """Whether a program can work out if an answer is right."""
    p_comparable: float = 0.0
    """How probably an answer comes down to something that another may come down to as well."""
    deviation: float = 0.0
    """Standard deviation of that."""


_PROVABLE = Outlook(is_provable=True)
PROSE = Outlook()
"""Answers that nobody can tell apart."""
_SHORT = Outlook(p_comparable=0.9, deviation=0.1)
"""Choices, and what exams ask about: answers come down to a letter, a number, a word."""
_CALLS = Outlook(p_comparable=0.7, deviation=0.2)
"""Not every model calls a tool where it may."""
_ANYTHING = Outlook(p_comparable=0.3, deviation=0.3)
"""Prose mostly; and forms, in which two right answers need not be the same."""


def outlook(request: Request, features: TaskFeatures, *, has_tests: bool = False) -> Outlook:
    """Return what will be seen of the answers to a request."""
    if has_tests or can_prove(request):
        return _PROVABLE
    if not isinstance(request, Chat):
        return PROSE
    if request.has_tools:
        return _CALLS
    if not request.is_plain_text:
        return _ANYTHING
    if _has_choices(request.prompt):
        return _SHORT
    return _either(_SHORT, _ANYTHING, features.kind.p.get(OTHER, 0.0))


def _has_choices(prompt: str) -> bool:
    return _CHOICES.search(prompt[:_LONGEST]) is not None


def _either(one: Outlook, other: Outlook, p_other: float) -> Outlook:
    """Return the mixture of two outlooks, of which it is not known which holds."""
    apart = other.p_comparable - one.p_comparable
    variance = (1.0 - p_other) * one.deviation**2 + p_other * other.deviation**2
    variance += p_other * (1.0 - p_other) * apart**2
    return Outlook(p_comparable=one.p_comparable + p_other * apart, deviation=variance**0.5)
