"""Tokens of a text, and where a continuation begins."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import EngineError
from modelnet.resource.backend.llama.token import (
    Piece,
    continuation,
    ends_within_character,
    joined,
    pieces_of,
    tokenize_body,
)


def pieces(*texts: bytes | str) -> list[Piece]:
    raw = [text.encode() if isinstance(text, str) else text for text in texts]
    return [Piece(sum(one) * 7 + len(one), one) for one in raw]


def test_a_piece_is_text_or_bytes():
    told = {"tokens": [{"id": 1, "piece": "a"}, {"id": 2, "piece": [195]}]}
    assert pieces_of("m", json.dumps(told).encode()) == [Piece(1, b"a"), Piece(2, b"\xc3")]


@pytest.mark.parametrize(
    "told", [{"tokens": [1, 2]}, {}, [], {"tokens": [{"id": 1, "piece": [999]}]}]
)
def test_tokens_without_their_bytes_are_of_no_use(told):
    with pytest.raises(EngineError):
        pieces_of("m", json.dumps(told).encode())


def test_a_text_is_tokenized_as_a_prompt_is():
    body = tokenize_body("a")
    assert body["add_special"]
    assert body["parse_special"]


def test_a_continuation_is_what_follows_the_prompt():
    before = pieces("<s>", "the")
    assert continuation(before, pieces("<s>", "the", " fox"), " fox") == pieces(" fox")


def test_a_token_that_straddles_the_boundary_is_seen():
    assert continuation(pieces("t"), pieces("the"), "he") is None


def test_bytes_that_are_not_the_text_are_seen():
    assert continuation(pieces("<s>"), pieces("<s>", " fox"), "fox") is None


@given(st.text(), st.integers(0, 20))
def test_exactly_whole_characters_end_a_text(text, cut):
    raw = text.encode()
    cut = min(cut, len(raw))
    try:
        raw[:cut].decode()
        is_whole = True
    except UnicodeDecodeError:
        is_whole = False
    assert ends_within_character(raw[:cut]) is not is_whole


@pytest.mark.parametrize("raw", [b"\xa9", b"", b"a\xa9", b"\xa9\xa9\xa9\xa9\xa9"])
def test_the_end_of_a_character_begun_before_is_whole(raw):
    assert not ends_within_character(raw)
    assert Piece(1, raw).is_drawable


@pytest.mark.parametrize("raw", [b"\xc3", b"\xe2\x82", b"a\xf0\x9f\x98"])
def test_what_lacks_bytes_is_kept_back(raw):
    assert not Piece(1, raw).is_drawable


def test_pieces_join():
    assert joined(pieces("a", b"\xc3", b"\xa9")) == "aé".encode()
