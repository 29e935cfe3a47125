"""Whether an answer is the one that was expected: as a number, a letter, or a text. Pure."""

import re
import string

from modelnet.service.verifier.number import is_same, normalised, number_of, numbers_in

_CHOICE = re.compile(r"\(?([a-z])\)?", re.IGNORECASE)
_NAMED_CHOICE = re.compile(r"(?:\(([a-z])\)|([a-z])[).:])(?:\s.*)?", re.IGNORECASE | re.DOTALL)
"""`(B)`, `B)`, `B. Paris`, `B: because ...`."""

_CONCLUSION = re.compile(
    r"(?:.*\b(?:final answer|answer|result)\b(?: is|:|=)?\s*:?|.*=)\s*(.+?)",
    re.IGNORECASE | re.DOTALL,
)
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_EDGES = string.whitespace + ".,;:!?\"'`*_~()[]{}<>$\u201e\u201c\u201d\u2018\u2019\u00ab\u00bb"
"""Marks around an answer; `C++`, `-3` and `50%` keep theirs."""
_MAX_CHARACTERS = 4096


def judge(expected: str, answer: str) -> float | None:
    """Return 1 where the answer is the expected one, 0 where it is not, nothing in between.

    Forgiven are case, blanks, marks around it, how a number is written, and words before a
    conclusion (`The answer is ...`). An answer that only mentions the expected one is left alone.
    """
    if not expected.strip() or max(len(expected), len(answer)) > _MAX_CHARACTERS:
        return None
    conclusions = _conclusions(answer)
    if any(_is_same(expected, conclusion) for conclusion in conclusions):
        return 1.0
    return None if _mentions(answer, expected) else 0.0


def _conclusions(answer: str) -> list[str]:
    """Return what may be meant as the answer: all of it, or what it comes to at its end."""
    boxed = _BOXED.findall(answer)
    if boxed:
        return [boxed[-1]]
    lines = [line for line in answer.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    concluded = _CONCLUSION.fullmatch(last)
    return [answer, concluded.group(1)] if concluded else [answer]


def _is_same(expected: str, given: str) -> bool:
    choice = _CHOICE.fullmatch(expected.strip())
    if choice:
        return _chosen(given) == choice.group(1).casefold()
    wanted = number_of(expected)
    if wanted is not None:
        number = number_of(_bare(given))
        return number is not None and is_same(number, wanted)
    return _bare(given) == _bare(expected)


def _chosen(given: str) -> str | None:
    """Return the letter that an answer chooses: alone, or before what it stands for."""
    alone = _bare(given)
    if len(alone) == 1:
        return alone
    named = _NAMED_CHOICE.fullmatch(given.strip().lstrip("*_`"))
    return (named.group(1) or named.group(2)).casefold() if named else None


def _bare(text: str) -> str:
    plain = " ".join(normalised(text).casefold().split())
    return plain.strip(_EDGES)


def _mentions(answer: str, expected: str) -> bool:
    wanted = number_of(expected)
    if wanted is not None:
        return any(is_same(number, wanted) for number in numbers_in(answer))
    bare = re.escape(_bare(expected))
    return bool(bare) and re.search(rf"(?<!\w){bare}(?!\w)", _bare(answer)) is not None
