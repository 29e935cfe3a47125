"""Answers show what works, what fails, and what nothing is known of."""

import struct
from typing import Any

import pytest

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Alternative, Chunk, Token, ToolCall, Usage
from modelnet.core.error import (
    ContextTooLongError,
    DeadlineError,
    EngineError,
    InvalidRequestError,
    ModelnetError,
    OverloadedError,
    PeerLostError,
    UnsupportedError,
)
from modelnet.core.tensor import Tensor, TensorSpec
from modelnet.service.ability import Heard, speed, trials, verdict

CARD = ModelCard(
    name="all",
    engine="scripted",
    operations=("chat", "complete", "step", "score", "embed", "encode", "infer"),
    parallel=2,
    context_length=100,
    embedding_size=2,
    hidden_size=3,
    inputs=(TensorSpec("x", "INT8", (1,)),),
    outputs=(TensorSpec("y", "INT8", (-1,)),),
)
QUESTION = b"What is 123 plus 456?"
PAIR = struct.pack("<2f", 1, 2)
STATES = Tensor("h", "FP32", (2, 3), bytes(24))


def said(**parts: Any) -> Heard:
    return Heard((Chunk(**parts), Chunk(finish="stop", usage=Usage(1, 1))))


def judged(ability, *heard: Heard, way: int = 0, told: str = "one two"):
    return verdict(trials(ability, CARD, told)[way], heard)


def call(name: str, arguments: str) -> Heard:
    return said(tool_calls=(ToolCall("1", name, arguments),))


def options(*logprobs: float) -> tuple[Alternative, ...]:
    return tuple(Alternative("a", logprob, b"a") for logprob in logprobs)


WORKS = [
    ("chat", said(text="hello")),
    ("chat", said(reasoning="hm")),
    ("complete", said(text="hello")),
    ("step", said(alternatives=options(-0.1, -2))),
    ("score", said(tokens=(Token("", -1, QUESTION[:3]), Token("", 0, QUESTION[3:])))),
    ("embed", said(vectors=(PAIR, PAIR))),
    ("encode", said(tensors=(STATES,))),
    ("infer", said(tensors=(Tensor("y", "INT8", (2,), b"ab"),))),
    ("tools", call("weather", '{"city": "Paris"}')),
    ("schema", said(text=' {"ok": false}\n')),
    ("logprobs", said(tokens=(Token("a", -0.5, b"a"),))),
    ("continuation", said(text=" two")),
    ("continuation", said()),
]


@pytest.mark.parametrize(("ability", "heard"), WORKS)
def test_what_works(ability, heard: Heard):
    assert judged(ability, heard) == ("works", "")


FAILS = [
    ("chat", said(), "nothing"),
    ("step", said(text="a"), "no next token"),
    ("step", said(alternatives=options(-2, -0.1)), "not in order"),
    ("step", said(alternatives=options(0.5)), "none"),
    ("score", said(tokens=(Token("", -1, b"What"),)), "other tokens"),
    ("score", said(tokens=(Token("", 1.0, QUESTION),)), "none"),
    ("score", said(tokens=(Token("", float("nan"), QUESTION),)), "none"),
    ("embed", said(vectors=(PAIR,)), "1 vectors"),
    ("embed", said(vectors=(PAIR, PAIR + PAIR)), "2 sizes"),
    ("embed", said(vectors=(b"", b"")), "2 vectors"),
    ("embed", said(vectors=(PAIR + PAIR,) * 2), "card says 2"),
    ("encode", said(), "no hidden states"),
    ("encode", said(tensors=(Tensor("h", "FP32", (1, 4), bytes(16)),)), "card says 3"),
    ("infer", said(), "no 'y'"),
    ("infer", said(tensors=(Tensor("y", "INT8", (2,), b"abc"),)), "holds 3 bytes"),
    ("infer", said(tensors=(Tensor("y", "INT8", (2, 1), b"ab"),)), "no 'y'"),
    ("tools", said(text="It is sunny."), "called no tool"),
    ("tools", call("rain", '{"city": "Paris"}'), "'rain'"),
    ("tools", call("weather", '{"town": "Paris"}'), "other arguments"),
    ("tools", call("weather", "["), "other arguments"),
    ("schema", said(text='{"ok": 1}'), "something else"),
    ("schema", said(text='{"ok": true, "b": 1}'), "something else"),
    ("schema", said(text="[" * 5000), "something else"),
    ("logprobs", said(text="a"), "no log-probabilities"),
    ("continuation", said(text="one two"), "began anew"),
]  # fmt: skip


@pytest.mark.parametrize(("ability", "heard", "why"), FAILS)
def test_what_fails(ability, heard: Heard, why: str):
    found, told = judged(ability, heard)
    assert found == "fails"
    assert why in told


def test_any_object_will_do_where_no_schema_is_kept():
    assert judged("schema", said(text='{"a": 1}'), way=1) == ("works", "")
    assert judged("schema", said(text="a"), way=1)[0] == "fails"


def test_an_answer_that_never_ended_is_told_as_that():
    heard = Heard((Chunk(text='{"ok"'), Chunk(finish="length", usage=Usage(1, 256))))
    for ability in ("tools", "schema"):
        assert judged(ability, heard) == ("fails", "It had not come to an end after 256 tokens.")


def test_a_text_that_repeats_itself_is_not_taken_for_a_new_beginning():
    assert judged("continuation", said(text="aaa"), told="aaaaaa") == ("works", "")


def test_one_of_a_crowd_that_fails_is_enough():
    good, bad = said(text="a"), Heard(error=EngineError("It broke."))
    assert judged("concurrency", good, good) == ("works", "")
    assert judged("concurrency", good, bad) == ("fails", "It broke.")
    assert judged("concurrency", good, said())[0] == "fails"


@pytest.mark.parametrize(
    ("ability", "error", "found"),
    [
        ("chat", EngineError("No."), "fails"),
        ("chat", DeadlineError("No."), "fails"),
        ("chat", UnsupportedError("No."), "fails"),
        ("chat", InvalidRequestError("No."), "fails"),
        ("chat", OverloadedError("No."), "untried"),
        ("chat", PeerLostError("No."), "untried"),
        ("infer", InvalidRequestError("No."), "untried"),
        ("infer", EngineError("No."), "fails"),
        ("context", ContextTooLongError("No."), "works"),
        ("context", DeadlineError("No."), "untried"),
        ("context", OverloadedError("No."), "untried"),
        ("context", EngineError("No."), "fails"),
    ],
)
def test_errors(ability, error: ModelnetError, found: str):
    assert judged(ability, Heard(error=error))[0] == found


def test_to_read_only_a_part_of_what_is_too_long_is_a_failure():
    found, why = judged("context", said(text="Well."))
    assert (found, "left out a part" in why) == ("fails", True)


@pytest.mark.parametrize(
    ("chunks", "first_s", "seconds", "rate"),
    [
        ((Chunk("a"), Chunk("b"), Chunk("c")), 1.0, 2.0, 2.0),
        ((Chunk("abc", n_tokens=3),), 1.0, 1.0, 3.0),
        ((Chunk("ab", n_tokens=2), Chunk("c")), 1.0, 3.0, 0.5),
        ((Chunk(reasoning="a"), Chunk("bc", n_tokens=2)), 0.5, 1.5, 2.0),
    ],
)
def test_speed(chunks, first_s: float, seconds: float, rate: float):
    ended = (*chunks, Chunk(finish="stop", usage=Usage(1, 3)))
    measured = speed(Heard(ended, None, first_s, seconds))
    assert measured is not None
    assert (measured.first_token_s, measured.tokens_per_s) == (first_s, rate)


def test_who_says_nothing_has_no_speed():
    assert speed(Heard()) is None
    assert speed(Heard((Chunk(finish="stop", usage=Usage(1, 0)),), None, 1, 1)) is None
