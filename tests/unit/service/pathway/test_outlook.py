"""What will be seen of answers, before there are any."""

import pytest

from modelnet.core.request import Chat, Complete, Message
from modelnet.service.analysis import TaskFeatures, analyse
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.pathway.outlook import PROSE, Outlook, outlook

TOOL = {"type": "function", "function": {"name": "f"}}
FORM = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}


def seen(prompt: str, **about) -> Outlook:
    request = Chat((Message("user", prompt),), **about)
    return outlook(request, analyse(request))


@pytest.mark.parametrize("prompt", ["What is 17 + 25?", "Multiply 6 by 7."])
def test_a_sum_can_be_proved(prompt: str):
    assert seen(prompt).is_provable


def test_what_has_tests_can_be_proved():
    request = Chat((Message("user", "Write it."),))
    assert outlook(request, analyse(request), has_tests=True).is_provable


@pytest.mark.parametrize(
    ("prompt", "about"),
    [
        ("17 + 25 = 42, said the man.", {}),
        ("What is 17 + 25?", {"response_format": FORM}),
        ("What is 17 + 25?", {"tools": (TOOL,)}),
        ("What is it?", {}),
        ("", {}),
    ],
)
def test_little_else_can(prompt: str, about):
    assert not seen(prompt, **about).is_provable


def test_letters_can_be_compared_and_prose_hardly():
    choice = seen("Which of these flies?\nA. a stone\nB. a bird\nC. a lake")
    prose = seen("Write a long letter to my aunt about flowers and bees, please.")
    assert choice.p_comparable > 0.8
    assert prose.p_comparable - 2.0 * prose.deviation < 0.0


def test_what_exams_ask_can_be_compared():
    request = Chat((Message("user", "x"),))
    sure, unsure = (
        outlook(request, TaskFeatures(kind=TaskKind.certain(kind))) for kind in ("facts", OTHER)
    )
    assert sure.p_comparable > 0.8 > unsure.p_comparable


def test_a_completion_is_prose():
    request = Complete("Once upon a time")
    assert outlook(request, analyse(request)) == PROSE


def test_the_longest_prompt_costs_nothing():
    assert seen("A. x\n" * 1_000_000).p_comparable < 0.9
