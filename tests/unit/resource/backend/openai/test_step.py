"""The likely next tokens, as servers tell them."""

import json
import math

import pytest

from modelnet.core.chunk import Alternative, Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Complete, Step
from modelnet.resource.backend.openai.step import step_chunk

STEP = Step(Complete("a b"), top_k=3)


def chat_answer(tokens: list[dict], *, finish: str = "length", content: str = "a") -> bytes:
    drawn = tokens[0] | {"top_logprobs": tokens}
    choice = {
        "message": {"content": content},
        "finish_reason": finish,
        "logprobs": {"content": [drawn]},
    }
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 7}}).encode()


def completion_answer(top: dict[str, float], drawn: str, **choice) -> bytes:
    logprobs = {"tokens": [drawn], "token_logprobs": [top[drawn]], "top_logprobs": [top]}
    return json.dumps(
        {"choices": [{"text": drawn, "finish_reason": "length", "logprobs": logprobs} | choice]}
    ).encode()


def bytes_of(answer: bytes, ends: frozenset[str] = frozenset(), step: Step = STEP) -> list[bytes]:
    return [one.bytes for one in step_chunk("m", step, answer, ends).alternatives]


def test_best_first_with_the_bytes_told_and_no_more_than_asked_for():
    tokens = [
        {"token": "b", "logprob": -2.0, "bytes": [98]},
        {"token": "\ufffd", "logprob": -1.0, "bytes": [0xE2, 0x82]},
        {"token": "c", "logprob": -3.0},
        {"token": "d", "logprob": -4.0},
    ]
    chunk = step_chunk("m", STEP, chat_answer(tokens), frozenset())
    assert chunk.alternatives == (
        Alternative("\ufffd", -1.0, b"\xe2\x82"),
        Alternative("b", -2.0, b"b"),
        Alternative("c", -3.0, b"c"),
    )
    assert chunk.finish == "stop"
    assert chunk.usage == Usage(7, 0)


def test_parts_of_characters_look_alike_and_are_not():
    parts = [
        {"token": "\ufffd", "logprob": -1.0 - part, "bytes": [0x80 + part]} for part in range(3)
    ]
    assert bytes_of(chat_answer(parts)) == [b"\x80", b"\x81", b"\x82"]


def test_tokens_that_end_an_answer_have_no_bytes():
    tokens = [{"token": "a", "logprob": -0.5}, {"token": "<|end|>", "logprob": -1.0}]
    assert bytes_of(chat_answer(tokens), frozenset({"<|end|>"})) == [b"a", b""]
    assert bytes_of(chat_answer(tokens)) == [b"a", b"<|end|>"]


def test_the_token_that_ended_the_answer_is_seen_to_be_an_end():
    tokens = [{"token": "</s>", "logprob": -0.5}, {"token": "a", "logprob": -1.0}]
    assert bytes_of(chat_answer(tokens, finish="stop", content="")) == [b"", b"a"]
    # A stop sequence of the server's own ended it after a text.
    assert bytes_of(chat_answer(tokens, finish="stop", content="</s>")) == [b"</s>", b"a"]


def test_completions_of_old_and_their_bytes():
    top = {"bytes:\\xe2\\x82": -1.0, "b": -0.5, "\ufffd": -0.7, "bytes: no": -3.0}
    # What stands for an unknown part of a character could be any, and is left out.
    assert bytes_of(completion_answer(top, "b")) == [b"b", b"\xe2\x82", b"bytes: no"]


def test_the_token_drawn_is_told_even_where_it_is_not_among_the_alternatives():
    answer = json.dumps(
        {
            "choices": [
                {
                    "text": "x",
                    "logprobs": {
                        "tokens": ["x"],
                        "token_logprobs": [-1.5],
                        "top_logprobs": [{"y": -1.0}],
                    },
                }
            ]
        }
    ).encode()
    assert bytes_of(answer) == [b"y", b"x"]


def test_a_probability_above_one_is_one():
    answer = completion_answer({"a": 1e-6}, "a")
    (token,) = step_chunk("m", STEP, answer, frozenset()).alternatives
    assert math.exp(token.logprob) == 1.0


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b"[]",
        b'{"choices": [{"text": "a", "logprobs": null}]}',
        b'{"choices": [{"text": "a", "logprobs": {"content": []}}]}',
        b'{"choices": [{"logprobs": {"content": [{"token": "a", "logprob": "high"}]}}]}',
        b'{"choices": [{"logprobs": {"content": [{"token":"a","logprob":-1,"bytes":[300]}]}}]}',
        b"\xff",
    ],
)
def test_an_answer_without_log_probabilities_is_the_engines_fault(answer: bytes):
    with pytest.raises(EngineError):
        step_chunk("m", STEP, answer, frozenset())
