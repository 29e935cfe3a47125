"""Tokens of a text as llama.cpp's `/tokenize` tells them, and where a continuation begins: pure."""

from collections.abc import Iterable
from typing import Any

import msgspec

from modelnet.core.error import EngineError


class Piece(msgspec.Struct, frozen=True):
    """A token by its number, and the bytes it stands for."""

    id: int
    bytes: bytes

    @property
    def is_drawable(self) -> bool:
        """Whether llama.cpp tells the probability of drawing it.

        It keeps back a token that ends within a character, and its probability with it.
        """
        return not ends_within_character(self.bytes)


class _Piece(msgspec.Struct):
    id: int
    piece: str | list[int]


class _Tokenized(msgspec.Struct):
    tokens: list[_Piece]


_decoder = msgspec.json.Decoder(_Tokenized)


def tokenize_body(text: str) -> dict[str, Any]:
    """Return the JSON that asks for tokens as a prompt of this text has them."""
    return {"content": text, "add_special": True, "parse_special": True, "with_pieces": True}


def pieces_of(name: str, answer: bytes) -> list[Piece]:
    """Read the answer of `/tokenize`.

    Raises:
        EngineError: it holds no tokens with their bytes.
    """
    try:
        tokens = _decoder.decode(answer).tokens
        return [
            Piece(t.id, t.piece.encode() if isinstance(t.piece, str) else bytes(t.piece))
            for t in tokens
        ]
    except (msgspec.DecodeError, ValueError) as error:
        raise EngineError(f"{name} tells no tokens with their bytes; ask another model.") from error


def continuation(before: list[Piece], whole: list[Piece], text: str) -> list[Piece] | None:
    """Return the tokens of `text` within `whole`, which is `before` and `text` read as one.

    `None` where a token straddles the boundary, or the bytes are not those of the text.
    """
    tail = whole[len(before) :]
    is_apart = whole[: len(before)] == before
    return tail if is_apart and joined(tail) == text.encode() else None


def joined(pieces: Iterable[Piece]) -> bytes:
    """Return the bytes of several tokens."""
    return b"".join(piece.bytes for piece in pieces)


def ends_within_character(raw: bytes) -> bool:
    """Whether bytes break off within a character of UTF-8."""
    for size, byte in enumerate(reversed(raw[-4:]), start=1):
        if byte & 0b1100_0000 != 0b1000_0000:
            return size < _length_of(byte)
    return False


def _length_of(lead: int) -> int:
    """Return how many bytes a character has that begins with this one."""
    return next((size for size, low in ((4, 0xF0), (3, 0xE0), (2, 0xC0)) if lead >= low), 1)
