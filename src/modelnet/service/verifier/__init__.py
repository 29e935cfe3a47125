"""Judging answers by program, where a program can: arithmetic, forms of JSON, expected answers."""

from modelnet.core.request import Chat, Complete, Request
from modelnet.service.verifier import arithmetic, exact, schema

__all__ = ["MAX_CHARACTERS", "verdict_on"]

MAX_CHARACTERS = 4096
"""Longer answers are not judged: judging must cost nobody time."""


def verdict_on(request: Request, answer: str, expected: str | None = None) -> float | None:
    """Return 1 for an answer that is right, 0 for a wrong one, nothing where no program can tell.

    What the asker expects decides. Without it a broken form is wrong (a kept one proves nothing),
    and a lone question of arithmetic is computed: instructions or turns before it may have given
    it another meaning.
    """
    if len(answer) > MAX_CHARACTERS or not isinstance(request, Chat | Complete):
        return None
    if expected is not None:
        return exact.judge(expected, answer)
    if not isinstance(request, Chat) or request.has_tools or request.has_image:
        return None
    if not request.is_plain_text:
        return 0.0 if schema.breaks(request.response_format, answer) else None
    if len(request.messages) == 1 and request.messages[0].role == "user":
        return arithmetic.judge(request.prompt, answer)
    return None
