"""What a version of Ollama has. Source: its release notes."""

from typing import NamedTuple

NEWEST = "0.33.0"

_EMBED = (0, 2, 6)
_SCHEMA = (0, 5, 0)
_CAPABILITIES = (0, 6, 4)
_THINK = (0, 9, 0)
_RENDER = (0, 11, 5)
_LOGPROBS = (0, 12, 11)


class Features(NamedTuple):
    """What this version knows; what it does not know it ignores."""

    embed: bool
    schema: bool
    capabilities: bool
    think: bool
    render: bool
    logprobs: bool


def features_of(version: str) -> Features:
    """Return what a version knows, by its three numbers."""
    mine = tuple(int(part) for part in version.split("."))
    since = (_EMBED, _SCHEMA, _CAPABILITIES, _THINK, _RENDER, _LOGPROBS)
    return Features(*(mine >= first for first in since))
