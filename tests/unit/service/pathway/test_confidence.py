"""How sure we are of answers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.chunk import ToolCall
from modelnet.core.request import Chat, Message
from modelnet.service.pathway.confidence import Calibration, confidences, support
from tests.unit.service.pathway.candidates import answer

OPEN = Chat((Message("user", "Who wrote it?"),))
SUM = Chat((Message("user", "What is 17 + 25?"),))
TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {"n": {"type": "integer"}},
            "required": ["n"],
        },
    },
}
CALLING = Chat((Message("user", "call it"),), tools=(TOOL,))
WRITING = Chat(
    (Message("user", "write it"),),
    response_format={
        "type": "json_schema",
        "json_schema": {"schema": {"type": "object", "required": ["n"]}},
    },
)


def sure(*answers, request=OPEN) -> list[float]:
    return list(confidences(request, answers))


def test_one_answer_is_as_probable_as_its_model_is_good():
    assert sure(answer("Hope", p=0.7)) == [pytest.approx(0.7)]
    assert sure() == []


def test_agreement_makes_sure_and_disagreement_unsure():
    alone = sure(answer("Hope", "a", p=0.7))[0]
    with_another = sure(answer("Hope", "a", p=0.7), answer("hope.", "b", p=0.7))
    against = sure(answer("Hope", "a", p=0.7), answer("Doyle", "b", p=0.7))
    assert with_another[0] == with_another[1] > alone > against[0] == against[1]


def test_a_voice_that_agrees_is_worth_less_than_it_is_alone():
    """Models fail on the same questions: two that are right with .7 are no .9 together."""
    agree = sure(answer("Hope", "a", p=0.7), answer("Hope", "b", p=0.7))[0]
    independent = 0.7 * 0.7 / (0.7 * 0.7 + 0.3 * 0.3)
    assert 0.75 < agree < independent


def test_the_agreement_even_of_a_weak_one_speaks_for_an_answer():
    alone = sure(answer("Hope", "a", p=0.7))[0]
    with_weak = sure(answer("Hope", "a", p=0.7), answer("Hope", "b", p=0.2))[0]
    with_good = sure(answer("Hope", "a", p=0.7), answer("Hope", "b", p=0.6))[0]
    assert alone < with_weak < with_good


def test_by_itself_a_model_that_is_mostly_wrong_says_what_others_get_wrong():
    assert support(0.2) < 0.0 < support(0.3)


def test_replicas_add_nothing():
    one, many = answer("Hope", "a", "x", p=0.7), [answer("Hope", "a", n, p=0.7) for n in "yz"]
    assert sure(one, *many)[0] == pytest.approx(0.7)


def test_the_word_of_the_better_one_weighs_more():
    good, bad = sure(answer("Hope", "a", p=0.9), answer("Doyle", "b", p=0.6))
    assert good > bad


def test_prose_neither_agrees_nor_contradicts():
    prose = "It was written by several hands, it seems, over many years and in many places."
    assert sure(answer(prose, "a", p=0.7), answer("Doyle", "b", p=0.7))[0] == pytest.approx(0.7)


def test_what_the_model_thinks_of_its_own_words_counts_a_little():
    low, usual, high = (sure(answer("Hope", logprob=lp))[0] for lp in (-2.0, -0.25, 0.0))
    assert low < usual < high
    assert sure(answer("Hope", logprob=-50.0)) == sure(answer("Hope", logprob=-5.0))


def test_a_sum_is_worked_out():
    right, wrong = sure(answer("42", "a", p=0.5), answer("41", "b", p=0.9), request=SUM)
    assert right > 0.9
    assert wrong < 0.1


@pytest.mark.parametrize(
    ("arguments", "is_valid"),
    [('{"n": 1}', True), ('{"n": "x"}', False), ("{}", False), ("[]", False)],
)
def test_a_call_must_fit_its_schema(arguments: str, is_valid):
    called = answer("", tool_calls=(ToolCall("1", "f", arguments),), p=0.7)
    assert (sure(called, request=CALLING)[0] > 0.7) == is_valid


def test_a_call_of_what_was_not_offered_is_wrong():
    called = answer("", tool_calls=(ToolCall("1", "g", '{"n": 1}'),), p=0.7)
    assert sure(called, request=CALLING)[0] < 0.1


def test_a_form_that_was_asked_for_is_kept():
    kept, broken = sure(answer('{"n": 1}', "a"), answer("n is 1", "b"), request=WRITING)
    assert broken < 0.1 < 0.8 < kept


def test_an_empty_answer_and_one_that_was_cut_are_trusted_less():
    whole, cut, empty = (
        sure(answer("Hope", finish=finish) if finish else answer(" "))[0]
        for finish in ("stop", "length", None)
    )
    assert whole > cut > empty


def test_the_constants_are_an_argument():
    two = [answer("Hope", "a", p=0.7), answer("Hope", "b", p=0.7)]
    independent = confidences(OPEN, two, Calibration(independence=1.0))
    assert independent[0] > sure(*two)[0]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2", "x", "prose " * 20, ""]), st.floats(0, 1), st.floats(-9, 0)
        ),
        max_size=8,
    )
)
def test_probabilities_whatever_is_said(said):
    answers = [answer(t, f"m{i}", p=p, logprob=lp) for i, (t, p, lp) in enumerate(said)]
    assert all(0.0 <= p <= 1.0 for p in sure(*answers))


def test_what_its_tests_say_counts_most():
    code = answer("def f(): ...", p=0.7)
    passes, fails = replace(code, proof=True), replace(code, proof=False)
    assert sure(passes)[0] > 0.97
    assert sure(fails)[0] < 0.1
    assert sure(code) == [pytest.approx(0.7)]
