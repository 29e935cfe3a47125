"""From tokens to bytes, in the two notations that tokenizers use."""

import json
from typing import Any

import pytest

from modelnet.core.error import ModelFileError
from modelnet.resource.backend.transformers.vocabulary import (
    notation_of,
    read_vocabulary,
    written_bytes,
)

BYTE_LEVEL = {"type": "ByteLevel"}
LLAMA_2 = {
    "type": "Sequence",
    "decoders": [
        {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ],
}


def tokenizer(vocab: Any, decoder: Any = BYTE_LEVEL, added: tuple[tuple[int, str], ...] = ()):
    told = {
        "model": {"type": "BPE", "vocab": vocab, "merges": []},
        "added_tokens": [{"id": place, "content": text, "special": True} for place, text in added],
        "decoder": decoder,
    }
    return json.dumps(told)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("a", b"a"),
        ("\u0120the", b" the"),
        ("\u010a", b"\n"),
        ("\u00c3\u00a9", "é".encode()),
        ("\u00c3", b"\xc3"),
        ("\u0100", b"\0"),
        ("\u0143", b"\xad"),
        ("日", "日".encode()),
    ],
)
def test_every_byte_is_a_letter(token: str, expected: bytes):
    assert written_bytes(token, "byte-level") == expected


def test_all_bytes_are_there_once():
    letters = [chr(code) for code in range(0x100, 0x144)]
    letters += [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256))]
    assert {written_bytes(letter, "byte-level") for letter in letters} == {
        bytes([byte]) for byte in range(256)
    }


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("\u2581the", b" the"),
        ("<0x0A>", b"\n"),
        ("<0xC3>", b"\xc3"),
        ("<0xC3", b"<0xC3"),
        ("é", "é".encode()),
        ("\u2581\u2581", b"  "),
    ],
)
def test_low_lines_are_spaces_and_lone_bytes_are_spelled(token: str, expected: bytes):
    assert written_bytes(token, "sentencepiece") == expected


@pytest.mark.parametrize(
    ("decoder", "expected"),
    [
        (BYTE_LEVEL, "byte-level"),
        ({"type": "Sequence", "decoders": [{"type": "Fuse"}, BYTE_LEVEL]}, "byte-level"),
        (LLAMA_2, "sentencepiece"),
        ({"type": "Metaspace", "replacement": "\u2581"}, "sentencepiece"),
        ({"type": "WordPiece"}, None),
        (None, None),
    ],
)
def test_the_decoder_tells_the_notation(decoder: Any, expected: str | None):
    assert notation_of(decoder) == expected


def test_added_tokens_are_written_as_they_are_and_ends_have_no_bytes():
    text = tokenizer({"a": 0, "\u0120": 1}, added=((2, "<think>"), (3, "<end>")))
    vocabulary = read_vocabulary(text, frozenset({3}))
    assert [vocabulary.bytes_of(place) for place in range(4)] == [b"a", b" ", b"<think>", b""]
    assert len(vocabulary) == 4


def test_ids_without_a_token_are_known():
    vocabulary = read_vocabulary(tokenizer({"a": 0, "b": 3}, added=((5, "x"),)), frozenset())
    assert vocabulary.gaps == [1, 2, 4]
    # They are asked for with every token that is drawn: a vocabulary is not searched each time.
    assert vocabulary.gaps is vocabulary.gaps


def test_a_vocabulary_with_scores_is_read():
    text = tokenizer([["<unk>", 0.0], ["\u2581a", -1.5]], LLAMA_2)
    assert read_vocabulary(text, frozenset()).bytes_of(1) == b" a"


@pytest.mark.parametrize("text", ["", "{}", "[]", tokenizer({"a": 0}, {"type": "WordPiece"})])
def test_tokens_whose_bytes_nobody_knows_are_refused(text: str):
    with pytest.raises(ModelFileError):
        read_vocabulary(text, frozenset())
