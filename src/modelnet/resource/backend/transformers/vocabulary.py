"""From tokens to the bytes they stand for, by what a tokenizer says of itself. Pure.

Two notations are known: GPT-2's, in which every byte is a printable letter, and SentencePiece's, in
which a low line stands for a space and `<0x0A>` for a byte that no token holds.
"""

import re
from functools import cache, cached_property
from typing import Any, Literal, TypeAlias

import msgspec

from modelnet.core.error import ModelFileError

Notation: TypeAlias = Literal["byte-level", "sentencepiece"]

SPACE = "\u2581"
"""How SentencePiece writes a space."""

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class _Added(msgspec.Struct):
    id: int
    content: str


class _Model(msgspec.Struct):
    vocab: dict[str, int] | list[tuple[str, float]] = {}


class _Tokenizer(msgspec.Struct):
    """The parts of a `tokenizer.json` that say what its tokens are."""

    model: _Model
    added_tokens: list[_Added] = []
    decoder: dict[str, Any] | None = None


class Vocabulary:
    """The bytes of every token; those that end an answer have none."""

    def __init__(self, tokens: list[bytes | None], ends: frozenset[int]) -> None:
        self._tokens: list[bytes | None] = [
            b"" if place in ends else token for place, token in enumerate(tokens)
        ]
        self.ends = ends

    def __len__(self) -> int:
        """One more than the highest id."""
        return len(self._tokens)

    def bytes_of(self, token: int) -> bytes:
        """Return the bytes of a token that exists."""
        return self._tokens[token] or b""

    @cached_property
    def gaps(self) -> list[int]:
        """Ids that stand for no token, though the model has a row for them."""
        return [place for place, token in enumerate(self._tokens) if token is None]


def read_vocabulary(tokenizer_json: str, ends: frozenset[int]) -> Vocabulary:
    """Return the bytes of all tokens of a `tokenizer.json`.

    Raises:
        ModelFileError: its tokens are of a kind whose bytes are not known.
    """
    try:
        told = msgspec.json.decode(tokenizer_json, type=_Tokenizer)
    except msgspec.DecodeError as error:
        raise ModelFileError(f"The tokenizer is of an unknown kind ({error}).") from error
    notation = notation_of(told.decoder)
    if notation is None:
        raise ModelFileError("The tokenizer does not tell the bytes of its tokens; give another.")
    plain = told.model.vocab
    pairs = plain.items() if isinstance(plain, dict) else _numbered(plain)
    found = {place: written_bytes(token, notation) for token, place in pairs}
    found |= {added.id: added.content.encode() for added in told.added_tokens}
    return Vocabulary([found.get(place) for place in range(max(found, default=-1) + 1)], ends)


def notation_of(decoder: dict[str, Any] | None) -> Notation | None:
    """Return how tokens are written, by the decoder that reads them."""
    steps: list[dict[str, Any]] = (decoder or {}).get("decoders") or [decoder or {}]
    kinds = {step.get("type") for step in steps}
    if "ByteLevel" in kinds:
        return "byte-level"
    spaces = any(step.get("pattern") == {"String": SPACE} for step in steps)
    return "sentencepiece" if "Metaspace" in kinds or spaces else None


def written_bytes(token: str, notation: Notation) -> bytes:
    """Return the bytes of a token as it is written."""
    if notation == "byte-level":
        alphabet = _alphabet()
        return b"".join(alphabet.get(letter) or letter.encode() for letter in token)
    if byte := _BYTE.fullmatch(token):
        return bytes.fromhex(byte[1])
    return token.replace(SPACE, " ").encode()


@cache
def _alphabet() -> dict[str, bytes]:
    """Return GPT-2's letters: printable bytes are themselves, others follow from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): bytes([byte]) for byte in printable}
    return letters | {chr(256 + n): bytes([byte]) for n, byte in enumerate(others)}


def _numbered(pieces: list[tuple[str, float]]) -> list[tuple[str, int]]:
    return [(token, place) for place, (token, _) in enumerate(pieces)]
