"""What an inference asks for, with and without its parameters."""

import json
from typing import Any

import pytest

from modelnet.application.gateway.oip.reading import Inference, inference_of
from modelnet.core.error import InvalidRequestError, RequestError, UnsupportedError
from modelnet.core.request import Infer
from modelnet.core.tensor import Tensor

X = {"name": "x", "shape": [1], "datatype": "INT8", "data": [7]}


def asked(**changes: Any) -> Inference:
    return inference_of(json.dumps({"inputs": [X]} | changes).encode(), None)


def test_the_least_there_is():
    found = asked()
    assert found.infer == Infer((Tensor("x", "INT8", (1,), b"\7"),))
    assert (found.id, found.timeout_s, found.wants_binary("y")) == ("", None, False)


def test_outputs_have_their_own_form():
    found = asked(
        outputs=[{"name": "a"}, {"name": "b", "parameters": {"binary_data": False}}],
        parameters={"binary_data_output": True},
    )
    assert found.infer.outputs == ("a", "b")
    assert [found.wants_binary(name) for name in ("a", "b", "c")] == [True, False, True]


@pytest.mark.parametrize(
    ("timeout", "seconds"), [(1_500_000, 1.5), (0, None), (10**12, 3600.0), (None, None)]
)
def test_time_is_in_microseconds(timeout: Any, seconds: float | None):
    assert asked(parameters={"timeout": timeout}).timeout_s == seconds


def test_hints_change_nothing():
    hints = {"priority": 7, "content_type": "np", "headers": {"a": "b"}, "sequence_id": 0}
    hinted = X | {"parameters": {"content_type": "str"}}
    assert asked(parameters=hints, inputs=[hinted]).infer == asked().infer


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"sequence_id": 4}},
        {"parameters": {"sequence_start": True}},
        {"parameters": {"temperature": 0.5}},
        {"inputs": [X | {"parameters": {"shared_memory_region": "a"}}]},
        {"outputs": [{"name": "y", "parameters": {"classification": 3}}]},
        {"outputs": [{"name": "y", "parameters": {"shared_memory_region": "a"}}]},
    ],
)
def test_what_cannot_be_honoured_is_refused(changes: dict[str, Any]):
    with pytest.raises(UnsupportedError) as caught:
        asked(**changes)
    assert caught.value.param


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": []},
        {"inputs": None},
        {"inputs": [X, X]},
        {"parameters": {"timeout": -1}},
        {"parameters": {"timeout": 1.5}},
        {"parameters": {"timeout": True}},
        {"parameters": {"binary_data_output": "yes"}},
        {"parameters": []},
        {"outputs": [{"name": "y", "parameters": {"binary_data": 1}}]},
        {"outputs": [{}]},
        {"id": 7},
    ],
    ids=str,
)
def test_what_makes_no_sense(changes: dict[str, Any]):
    with pytest.raises(RequestError) as caught:
        asked(**changes)
    assert isinstance(caught.value, InvalidRequestError)
