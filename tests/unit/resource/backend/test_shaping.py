"""Pieces, stop sequences, length limits and continuation of plain text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import EngineError
from modelnet.core.request import Sampling
from modelnet.resource.backend.shaping import Shaper, StopFilter, count_pieces, pieces_of

TEXTS = st.text(alphabet="abEN D.\n", max_size=40)


@st.composite
def cut_texts(draw):
    text = draw(TEXTS)
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    edges = [0, *places, len(text)]
    return text, [text[a:b] for a, b in pairwise(edges)]


@given(st.text())
def test_pieces_joined_are_the_text(text: str):
    assert "".join(pieces_of(text)) == text
    assert count_pieces(text) == len(pieces_of(text))


def test_a_piece_is_about_four_letters():
    assert pieces_of("The fox jumped.") == ["The", " fox", " jump", "ed", "."]


@given(cut_texts(), st.lists(st.sampled_from(["END", "EN", "ab", "D.", "NN"]), max_size=3))
def test_a_text_ends_before_the_first_stop_however_it_is_cut(cut, stop):
    text, parts = cut
    filtered = StopFilter(tuple(stop))
    shown = "".join(filtered.feed(part) for part in parts)
    shown += "" if filtered.is_stopped else filtered.flush()
    places = [at for sequence in stop if (at := text.find(sequence)) >= 0]
    assert filtered.is_stopped == bool(places)
    # Of two stops that overlap, the one that is complete first may end a text that came in parts.
    if len(parts) == 1:
        assert shown == (text[: min(places)] if places else text)
    else:
        assert text.startswith(shown)
        assert not any(sequence in shown for sequence in stop)


@given(cut_texts(), st.integers(0, 40))
def test_a_begun_answer_is_continued_however_it_is_cut(cut, already):
    text, parts = cut
    begun = text[:already]
    shaper = Shaper(Sampling(), begun)
    rest = "".join(shaper.feed(part) for part in parts) + shaper.flush()
    assert begun + rest == text
    assert shaper.finish == "stop"


def test_another_answer_than_the_one_begun_is_refused():
    with pytest.raises(EngineError):
        Shaper(Sampling(), "Once").feed("Twice")
    shaper = Shaper(Sampling(), "Once upon")
    shaper.feed("Once")
    with pytest.raises(EngineError):
        shaper.flush()


def test_the_length_limit_counts_pieces_and_only_new_ones():
    shaper = Shaper(Sampling(max_tokens=2), "The fox")
    assert shaper.feed("The fox jumped over") == " jumped"
    assert shaper.finish == "length"
    assert shaper.completion_tokens == 2
    assert shaper.feed(" more") == ""


def test_an_answer_of_exactly_the_limit_is_complete():
    shaper = Shaper(Sampling(max_tokens=2))
    assert shaper.feed("The fox") == "The fox"
    assert shaper.flush() == ""
    assert shaper.finish == "stop"


def test_an_empty_stop_sequence_means_nothing():
    filtered = StopFilter(("",))
    assert filtered.feed("abc") + filtered.flush() == "abc"
