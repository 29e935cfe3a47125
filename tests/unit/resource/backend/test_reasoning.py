"""Telling reasoning from answer, wherever the text is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.resource.backend.reasoning import ReasoningFilter, continued, phase_after

PLAIN = st.text(alphabet="ab<>/think \n", max_size=20)


def split(parts: list[str], phase="undecided") -> tuple[str, str]:
    splitter = ReasoningFilter(phase)
    splits = [splitter.feed(part) for part in parts] + [splitter.flush()]
    return "".join(s.text for s in splits), "".join(s.reasoning for s in splits)


@pytest.mark.parametrize(
    ("raw", "text", "reasoning"),
    [
        ("57", "57", ""),
        ("<think>975</think>579", "579", "975"),
        ("\n<think>a</think>\n\nb", "\n\nb", "a"),
        ("<think>never ends", "", "never ends"),
        ("<thin", "<thin", ""),
        ("a <think>b</think>", "a <think>b</think>", ""),
        ("<think></think>", "", ""),
        ("<think>a</think>b</think>c", "b</think>c", "a"),
        ("  ", "  ", ""),
        ("", "", ""),
    ],
)
def test_what_is_thought_and_what_is_said(raw, text, reasoning):
    assert split([raw]) == (text, reasoning)
    assert split(list(raw)) == (text, reasoning)


@pytest.mark.parametrize(
    ("raw", "text", "reasoning"),
    [
        ("975</think>579", "579", "975"),
        ("<think>975</think>579", "579", "975"),
        ("<thin", "", "<thin"),
        ("", "", ""),
    ],
)
def test_a_marker_that_the_prompt_holds_may_come_again(raw, text, reasoning):
    assert split([raw], "opened") == (text, reasoning)
    assert split(list(raw), "opened") == (text, reasoning)


@given(PLAIN, PLAIN, st.data())
def test_the_cut_does_not_matter(reasoning, text, data):
    raw = data.draw(st.sampled_from([f"<think>{reasoning}</think>{text}", text, f"<think>{text}"]))
    places = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    edges = [0, *places, len(raw)]
    assert split([raw[a:b] for a, b in pairwise(edges)]) == split([raw])


@given(st.text(alphabet="ab1", max_size=8), st.text(alphabet="ab1", max_size=8), st.integers(0, 30))
def test_an_answer_cut_anywhere_is_continued_from_there(reasoning, text, place):
    raw = f"<think>{reasoning}</think>{text}" if reasoning else text
    # Who gives the first part dies: what it held back was never seen, and is written anew.
    begun = ReasoningFilter().feed(raw[:place])
    already = continued("", begun.text, begun.reasoning)
    assert raw.startswith(already)
    phase = phase_after("", begun.text, begun.reasoning)
    rest_text, rest_reasoning = split([raw[len(already) :]], phase)
    assert (begun.text + rest_text, begun.reasoning + rest_reasoning) == (text, reasoning)


def test_a_prompt_that_ends_inside_the_reasoning_is_not_opened_twice():
    prompt = "<|assistant|><think>\n"
    assert phase_after(prompt, "", "") == "thinking"
    assert continued(prompt, "", "ab") == "ab"
    assert continued(prompt, "c", "ab") == "ab</think>c"
    assert split(["ab</think>c"], "thinking") == ("c", "ab")
