"""Two tokenizers: the bytes themselves, and byte-level BPE with a few hundred merges.

Both write their vocabulary in GPT-2's notation, so llama.cpp reads either as the same kind. Token
ids 0 to 255 are the bytes. `END`, `THINK` and `END_THINK` come last.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|end|>"
THINK = "<think>"
END_THINK = "</think>"
SPECIAL = (END, THINK, END_THINK)

# The splitting rule that llama.cpp knows as "qwen2": digits stand alone.
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer as llama.cpp stores it: tokens by id, and merges in order of rank."""

    tokens: tuple[str, ...]
    merges: tuple[str, ...]

    def id_of(self, token: str) -> int:
        """Give the id of a special token."""
        return self.tokens.index(token)


class TextEncoder:
    """Turns text into token ids the way llama.cpp will."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.end, self.think, self.end_think = (vocabulary.id_of(token) for token in SPECIAL)
        merges = [tuple(merge.split(" ")) for merge in vocabulary.merges]
        ids = {token: i for i, token in enumerate(vocabulary.tokens)}
        self._bpe = _with_rules(Tokenizer(models.BPE(vocab=ids, merges=merges)))
        self._encode = lru_cache(maxsize=100_000)(self._encode_uncached)

    def encode(self, text: str) -> list[int]:
        """Encode plain text; special tokens are not recognised in it."""
        return list(self._encode(text))

    def decode(self, tokens: Iterable[int]) -> str:
        """Decode token ids, special tokens included as text."""
        return self._bpe.decode(list(tokens), skip_special_tokens=False)

    def _encode_uncached(self, text: str) -> tuple[int, ...]:
        return tuple(self._bpe.encode(text).ids)


def byte_vocabulary() -> Vocabulary:
    """The bytes, and one merge that never applies because llama.cpp refuses an empty list."""
    nul = byte_alphabet()[0]
    return Vocabulary((*byte_alphabet(), nul + nul, *SPECIAL), (f"{nul} {nul}",))


def bpe_vocabulary(texts: Iterable[str], n_merges: int) -> Vocabulary:
    """Learn the merges that shorten `texts` most."""
    tokenizer = _with_rules(Tokenizer(models.BPE()))
    trainer = trainers.BpeTrainer(
        vocab_size=256 + n_merges, initial_alphabet=byte_alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _vocabulary_of(tokenizer)


def _vocabulary_of(tokenizer: Tokenizer) -> Vocabulary:
    # The library shows its merges only in serialised form.
    merges = [" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    joined = (merge.replace(" ", "") for merge in merges)
    return Vocabulary((*byte_alphabet(), *dict.fromkeys(joined), *SPECIAL), tuple(merges))


def _with_rules(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def byte_alphabet() -> list[str]:
    """GPT-2's printable character for each of the 256 bytes, in order of the bytes."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    stand_ins = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(stand_ins)) for byte in range(256)]
