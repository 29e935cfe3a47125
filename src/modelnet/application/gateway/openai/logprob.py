"""Log-probabilities in OpenAI's two forms: a list of tokens for chats, four lists otherwise."""

import codecs
from collections.abc import Sequence

import msgspec

from modelnet.core.chunk import Alternative, Token

_LEAST = -9999.0
"""What OpenAI writes for a probability of zero, whose logarithm JSON cannot hold."""


class ChatAlternative(msgspec.Struct, frozen=True):
    """A token that could have been drawn."""

    token: str
    logprob: float
    bytes: tuple[int, ...]


class ChatToken(msgspec.Struct, frozen=True):
    """A token that was drawn."""

    token: str
    logprob: float
    bytes: tuple[int, ...]
    top_logprobs: tuple[ChatAlternative, ...]


class ChatLogprobs(msgspec.Struct, frozen=True):
    """`choices[].logprobs` of a chat."""

    content: tuple[ChatToken, ...]
    refusal: None = None


class CompletionLogprobs(msgspec.Struct, frozen=True):
    """`choices[].logprobs` of a completion: one entry a token in each list."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


def chat_logprobs(tokens: Sequence[Token]) -> ChatLogprobs:
    """Return the form that chats use."""
    return ChatLogprobs(
        tuple(
            ChatToken(
                token.text,
                finite(token.logprob),
                tuple(token.bytes),
                tuple(
                    ChatAlternative(other.text, finite(other.logprob), tuple(other.bytes))
                    for other in token.alternatives
                ),
            )
            for token in tokens
        )
    )


class CompletionLogprobWriter:
    """Writes the form that completions use; it counts characters across chunks."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._offset = 0

    def write(self, tokens: Sequence[Token]) -> CompletionLogprobs:
        """Return the log-probabilities of the next tokens of the answer."""
        has_alternatives = any(token.alternatives for token in tokens)
        return CompletionLogprobs(
            tokens=[_label(token) for token in tokens],
            token_logprobs=[finite(token.logprob) for token in tokens],
            top_logprobs=[_ranked(token) for token in tokens] if has_alternatives else None,
            text_offset=[self._place(token) for token in tokens],
        )

    def _place(self, token: Token) -> int:
        offset = self._offset
        self._offset += len(self._decoder.decode(token.bytes or token.text.encode()))
        return offset


def _ranked(token: Token) -> dict[str, float]:
    return {_label(other): finite(other.logprob) for other in token.alternatives}


def _label(token: Token | Alternative) -> str:
    """Return a token's text; parts of a character, which all look alike, by their bytes."""
    try:
        return token.bytes.decode() or token.text
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token.bytes)


def finite(logprob: float) -> float:
    """Return a log-probability that JSON can hold."""
    # In this order, or a NaN would pass.
    return max(_LEAST, logprob)
