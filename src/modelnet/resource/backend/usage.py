"""What an engine says it used, believed within reason. Pure."""

from typing import Any

from modelnet.core.chunk import Usage

MOST_TOKENS = 1 << 24
"""No context is longer: whoever tells more tells something else."""


def believed(prompt_tokens: Any, completion_tokens: Any, counted: Usage) -> Usage:
    """Return the usage told, each number replaced by ours where it cannot be true.

    Engines leave numbers out, send text or zeros, or count from -1. Completions may be far longer
    than what is seen of them: some clouds keep the reasoning to themselves.
    """
    return Usage(
        _believed(prompt_tokens, counted.prompt_tokens),
        _believed(completion_tokens, counted.completion_tokens),
    )


def _believed(told: Any, counted: int) -> int:
    return told if type(told) is int and 0 < told <= MOST_TOKENS else counted
