"""Asking for the probabilities of one token."""

import json

import pytest

from modelnet.core.error import EngineError, InvalidRequestError
from modelnet.resource.backend.llama.event import LEAST_LOGPROB
from modelnet.resource.backend.llama.probability import draw_body, draw_of, logprob_of
from modelnet.resource.backend.llama.token import Piece

OTHER = {"id": 8, "token": "b", "bytes": [98], "logprob": -3.4e38}
TOLD = {"id": 7, "token": "a", "bytes": [97], "logprob": -0.5, "top_logprobs": [OTHER]}


def test_the_drawing_is_forced():
    body = draw_body("p", Piece(7, b"a"), 3)
    assert (body["n_predict"], body["n_probs"], body["stream"]) == (1, 3, False)
    ((token, bias),) = body["logit_bias"]
    assert token == 7
    assert bias > 1e4


def test_what_was_drawn_and_what_else_was_likely_is_known():
    answer = {"stop": True, "tokens_evaluated": 3, "completion_probabilities": [TOLD]}
    drawn, n_read = draw_of("m", json.dumps(answer).encode())
    assert n_read == 3
    assert logprob_of(drawn, Piece(7, b"a")) == -0.5
    assert logprob_of(drawn, Piece(8, b"b")) == LEAST_LOGPROB
    assert logprob_of(drawn, Piece(9, b"c")) is None


def test_an_empty_prompt_is_the_askers_fault():
    answer = {"stop": True, "tokens_evaluated": 0, "tokens_predicted": 0}
    with pytest.raises(InvalidRequestError):
        draw_of("m", json.dumps(answer).encode())


def test_no_probabilities_are_the_engines_fault():
    answer = {"stop": True, "tokens_evaluated": 1, "tokens_predicted": 1}
    with pytest.raises(EngineError):
        draw_of("m", json.dumps(answer).encode())
