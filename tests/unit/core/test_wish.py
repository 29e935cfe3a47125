"""Wishes: what is no limit is refused wherever it enters; what one leaves out another fills."""

import math

import msgspec
import pytest

from modelnet.core.error import InvalidRequestError
from modelnet.core.wish import NO_WISH, Weights, Wish

WRONG = [
    ({"max_cost_usd": -0.01}, "max_cost_usd", "a number from 0 on, not -0.01"),
    ({"max_cost_usd": math.nan}, "max_cost_usd", "a number from 0 on, not nan"),
    ({"max_cost_usd": math.inf}, "max_cost_usd", "a number from 0 on, not inf"),
    ({"max_latency_s": -1.0}, "max_latency_s", "a number from 0 on, not -1"),
    ({"max_latency_s": 0.0}, "max_latency_s", "more than 0"),
    ({"min_quality": 1.01}, "min_quality", "from 0 to 1, not 1.01"),
    ({"min_quality": math.nan}, "min_quality", "from 0 to 1, not nan"),
]


@pytest.mark.parametrize(("told", "param", "why"), WRONG)
def test_what_is_no_limit_is_refused(told, param, why):
    with pytest.raises(InvalidRequestError) as caught:
        Wish(**told)
    assert caught.value.param == param
    assert f"`{param}` must be {why}" in caught.value.message


@pytest.mark.parametrize("name", ["second", "dollar"])
@pytest.mark.parametrize("worth", [-1.0, math.nan, math.inf])
def test_what_is_no_weight_is_refused(name, worth):
    with pytest.raises(InvalidRequestError, match=rf"`weights\.{name}` must be a number"):
        Weights(**{name: worth})


@pytest.mark.parametrize("told", [{"max_cost": 1}, {"weights": {"minute": 1}}, {"min_quality": 2}])
def test_what_cannot_be_meant_is_not_decoded(told):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, Wish)


def test_the_edges_are_limits():
    edges = Wish(max_cost_usd=0.0, min_quality=1.0, weights=Weights(second=0.0))
    assert msgspec.json.decode(msgspec.json.encode(edges), type=Wish) == edges


def test_only_what_was_said_is_told():
    assert msgspec.to_builtins(NO_WISH) == {}
    told = Wish(max_latency_s=2.0, weights=Weights(dollar=5.0))
    assert msgspec.to_builtins(told) == {"max_latency_s": 2.0, "weights": {"dollar": 5.0}}


def test_the_usual_fills_what_was_left_out():
    usual = Wish(max_cost_usd=1.0, min_quality=0.5, weights=Weights(second=1.0, dollar=2.0))
    asked = Wish(max_cost_usd=0.0, max_latency_s=3.0, weights=Weights(dollar=0.0))
    assert asked.over(usual) == Wish(
        max_cost_usd=0.0,
        max_latency_s=3.0,
        min_quality=0.5,
        weights=Weights(second=1.0, dollar=0.0),
    )
    assert NO_WISH.over(usual) == usual
    assert usual.over(NO_WISH) == usual
