"""The tokenizer of MiniLM: lower case, split at white space and punctuation, then WordPiece.

`vocabulary.txt` is that of BERT base uncased, Apache-2.0 (Devlin et al., arXiv 1810.04805): a line
a token, numbered from 0.
"""

from pathlib import Path
from typing import Any

import msgspec

VOCABULARY = Path(__file__).with_name("vocabulary.txt")

_SPECIAL = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103}


def tokenizer_json() -> bytes:
    """Return the tokenizer as `tokenizer.json` of the `tokenizers` library has it."""
    words = VOCABULARY.read_text(encoding="utf-8").split("\n")[:-1]
    first, last = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ("[CLS]", "[SEP]"))
    text: dict[str, Any] = {"Sequence": {"id": "A", "type_id": 0}}
    return msgspec.json.encode({
        "version": "1.0",
        "added_tokens": [_special(token, place) for token, place in _SPECIAL.items()],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [first, text, last],
            "pair": [first, text, last],
            "special_tokens": {
                token: {"id": token, "ids": [_SPECIAL[token]], "tokens": [token]}
                for token in ("[CLS]", "[SEP]")
            },
        },
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {word: place for place, word in enumerate(words)},
        },
    })  # fmt: skip


def _special(token: str, place: int) -> dict[str, Any]:
    flags = ("single_word", "lstrip", "rstrip", "normalized")
    return {"id": place, "content": token, "special": True, **dict.fromkeys(flags, False)}
