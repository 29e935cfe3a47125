"""What a model says of the token to come, in our terms."""

import math

import numpy as np
import pytest

from modelnet.core.error import EngineError
from modelnet.resource.backend.transformers.distribution import Distribution
from modelnet.resource.backend.transformers.vocabulary import Vocabulary

VOCABULARY = Vocabulary([b"a", None, b"\xc3", b"<end>"], frozenset({3}))
LOGITS = np.log(np.array([0.4, 0.1, 0.2, 0.2, 0.1])).astype(np.float32)


def test_alternatives_are_bytes_best_first():
    told = Distribution(LOGITS.copy(), VOCABULARY).alternatives(9)
    assert [one.bytes for one in told] == [b"a", b"\xc3", b""]
    assert [one.text for one in told] == ["a", "\ufffd", ""]
    assert sum(math.exp(one.logprob) for one in told) == pytest.approx(1.0)


def test_rows_that_stand_for_no_token_are_never_likely():
    logits = np.array([0.0, 99.0, 0.0, 0.0, 99.0], np.float32)
    assert [one.bytes for one in Distribution(logits, VOCABULARY).alternatives(1)] == [b"a"]


def test_a_token_comes_with_as_many_alternatives_as_wanted():
    told = Distribution(LOGITS.copy(), VOCABULARY)
    assert told.token(2).alternatives == ()
    token = told.token(2, 1)
    assert token.bytes == b"\xc3"
    assert token.logprob == pytest.approx(math.log(0.25))
    assert [one.bytes for one in token.alternatives] == [b"a"]


@pytest.mark.parametrize("value", [math.nan, -math.inf, math.inf])
def test_logits_that_are_no_numbers_are_the_engine_s_fault(value: float):
    with pytest.raises(EngineError):
        Distribution(np.full(5, value, np.float32), VOCABULARY)
