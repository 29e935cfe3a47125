"""Log-probabilities as chats report them, and as completions of old do. Pure."""

import re
from typing import Annotated, TypeAlias

import msgspec

from modelnet.core.chunk import Alternative, Token

_Byte: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=255)]

UNKNOWN = "\ufffd"
"""Stands in a text for bytes that are only part of a character."""

_ESCAPED = "bytes:"
"""How completions of OpenAI's write such a token: `bytes:\\xe2\\x9c`."""


class ToldAlternative(msgspec.Struct):
    """A token that was likely."""

    token: str
    logprob: float
    bytes: list[_Byte] | None = None


class ToldToken(msgspec.Struct):
    """A token that was drawn."""

    token: str
    logprob: float
    bytes: list[_Byte] | None = None
    top_logprobs: list[ToldAlternative] = []


class Logprobs(msgspec.Struct):
    """Of either form."""

    content: list[ToldToken] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None
    text_offset: list[int] | None = None


def tokens_of(told: Logprobs | None) -> list[Token]:
    """Return the tokens that were drawn, each with its alternatives, best first."""
    if told is None:
        return []
    if told.content is None:
        return _tokens_of_old(told)
    return [
        Token(
            token.token,
            min(0.0, token.logprob),
            bytes_of(token.token, token.bytes),
            tuple(
                Alternative(a.token, min(0.0, a.logprob), bytes_of(a.token, a.bytes))
                for a in token.top_logprobs
            ),
        )
        for token in told.content
    ]


def _tokens_of_old(told: Logprobs) -> list[Token]:
    texts, values = told.tokens or [], told.token_logprobs or []
    others = told.top_logprobs or [None] * len(texts)
    return [
        Token(text, min(0.0, value), bytes_of(text), _ranked(other or {}))
        for text, value, other in zip(texts, values, others, strict=False)
        if value is not None
    ]


def _ranked(others: dict[str, float]) -> tuple[Alternative, ...]:
    best_first = sorted(others.items(), key=lambda item: -item[1])
    return tuple(
        Alternative(text, min(0.0, logprob), bytes_of(text)) for text, logprob in best_first
    )


def bytes_of(text: str, told: list[int] | None = None) -> bytes:
    """Return the bytes of a token: those told, else those its text is written with."""
    if told is not None:
        return bytes(told)
    if text.startswith(_ESCAPED):
        digits = re.sub(r"\\x|[^0-9a-fA-F]", "", text.removeprefix(_ESCAPED))
        if digits and len(digits) % 2 == 0:
            return bytes.fromhex(digits)
    return text.encode("utf-8", "replace")
