"""What answers say of each other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.request import Chat, Message
from modelnet.service.pathway.opinion import opinions
from tests.unit.service.pathway.candidates import answer

OPEN = Chat((Message("user", "Who wrote it?"),))
SUM = Chat((Message("user", "What is 17 + 25?"),))
PROSE = "That is a long story, which nobody has ever told in the same words twice, and so on."


def said(*answers, request=OPEN) -> list[tuple[float, float]]:
    return [(one.p_right, one.weight) for one in opinions(request, answers)]


def test_agreement_with_a_good_one_speaks_for_an_answer():
    (p, weight), _ = said(answer("Hope", "a", p=0.5), answer("hope.", "b", p=0.9))
    assert p > 0.9
    assert weight == pytest.approx((2 * p - 1) ** 2)


def test_contradiction_by_a_good_one_speaks_against_it():
    (p, weight), _ = said(answer("Hope", "a", p=0.9), answer("Doyle", "b", p=0.9))
    assert p < 0.15
    assert weight > 0.5


def test_the_word_of_one_that_is_often_wrong_weighs_little():
    (_, by_weak), _ = said(answer("Hope", "a"), answer("Doyle", "b", p=0.4))
    (_, by_good), _ = said(answer("Hope", "a"), answer("Doyle", "b", p=0.9))
    assert by_weak < 0.3 < by_good


@pytest.mark.parametrize("p", [0.1, 0.5, 0.95])
def test_what_is_believed_of_a_model_says_nothing_of_its_answer(p):
    others = answer("hope", "b", p=0.8), answer("Doyle", "c", p=0.6)
    first = said(answer("Hope", "a", p=0.3), *others)[0]
    assert said(answer("Hope", "a", p=p, logprob=-0.01), *others)[0] == pytest.approx(first)


def test_those_that_cannot_be_compared_are_left_alone():
    assert said() == []
    assert said(answer("Hope", "a")) == []
    assert said(answer(PROSE, "a"), answer(PROSE, "b")) == []
    assert len(said(answer("Hope", "a"), answer(PROSE, "b"), answer("hope", "c"))) == 2
    assert said(answer("", "a"), answer("Hope", "b")) == []


def test_one_voice_has_no_opinion_of_itself():
    assert said(answer("Hope", "a", "x"), answer("Hope", "b", "x")) == []
    assert said(answer("Hope", "a", "x"), answer("Hope", "a", "y")) == []


def test_where_a_program_can_tell_nobody_else_does():
    assert said(answer("42", "a"), answer("42", "b"), request=SUM) == []
    code = replace(answer("f", "a"), proof=False), answer("f", "b")
    assert said(*code) == []


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.floats(0, 1)), max_size=5))
def test_opinions_are_probabilities(told):
    answers = [answer(text, f"m{i}", p=p) for i, (text, p) in enumerate(told)]
    for p, weight in said(*answers):
        assert 0.0 <= p <= 1.0
        assert 0.0 <= weight <= 1.0
