"""Regular expressions that llama.cpp turns into grammars: what repeats repetitions is bounded."""

import re

from modelnet.core.error import InvalidRequestError

MAX_PATTERN = 1024
"""Characters of a pattern."""

MAX_COPIES = 128
"""Places within one repeated group where an answer may be at once. llama.cpp follows each of them:
512 took it 15 s for a hundred tokens."""

_LOOPS = {"?": 2, "*": 1, "+": 1}

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d+)?(?:,(\d+)?)?\}|.", re.DOTALL)


def refuse_heavy_pattern(pattern: str) -> None:
    """Let a pattern pass that an engine can follow.

    Raises:
        InvalidRequestError: it is too long, or repeats what repeats too often.
    """
    if len(pattern) > MAX_PATTERN:
        raise InvalidRequestError(
            f"A pattern in the schema has more than {MAX_PATTERN} characters; make it shorter."
        )
    if _copies(pattern) > MAX_COPIES:
        raise InvalidRequestError(
            f"The pattern {pattern[:80]!r} repeats a group too often; count less within it."
        )


def _copies(pattern: str) -> int:
    """Return in how many places within a repeated group an engine may be at once, at worst."""
    widest, within, last, is_group = 1, [1], 1, False
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if text == "(":
            within.append(1)
            last, is_group = 1, False
        elif text == ")":
            last, is_group = within.pop() if len(within) > 1 else 1, True
        elif text in _LOOPS or (text[0] == "{" and len(text) > 1):
            last *= _times(token, is_steady=last == 1)
            widest = max(widest, last) if is_group else widest
        else:
            last, is_group = 1, False
        within[-1] = max(within[-1], last)
    return widest


def _times(token: re.Match[str], *, is_steady: bool) -> int:
    """Return by how much a repetition multiplies the places of what it repeats.

    What is always the same, so many times, is in one place; what varies is in one place a time.
    """
    if token[0] in _LOOPS:
        return _LOOPS[token[0]]
    least, most = int(token[1] or 0), int(token[2] or token[1] or 1)
    return max(1, most - least + 1 if is_steady else most)
