"""Next tokens, scores and hidden states over HTTP, and what is refused."""

import base64
import json
import math
import struct
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from modelnet.core.chunk import Alternative, Chunk, Token, Usage
from modelnet.core.error import UnsupportedError
from modelnet.core.request import Chat, Complete, Encode, Message, Partial, Score, Step
from modelnet.core.task import Task
from modelnet.core.tensor import Tensor

pytestmark = [pytest.mark.live, pytest.mark.anyio]

STEP, SCORE, ENCODE = (f"/modelnet/v1/{name}" for name in ("step", "score", "encode"))
CROW = Token("crow", -0.5, b"crow")


@pytest.fixture
def answering(network, contribution):
    """A network that gives the same answer to each operation, or the chunk that a test wants."""

    def make(chunk: Chunk | None = None):
        async def rule(task: Task) -> AsyncGenerator[Any, None]:
            yield contribution()
            yield chunk or _answer(task)

        return network(rule)

    return make


def _answer(task: Task) -> Chunk:
    match task.request:
        case Step():
            told = Alternative("ö"[:0], -0.1, b"\xc3"), Alternative("", -math.inf, b"")
            return Chunk(alternatives=told, finish="stop", usage=Usage(7, 0))
        case Score():
            return Chunk(tokens=(CROW,), finish="stop", usage=Usage(7, 1))
        case Encode(inputs=inputs):
            data = struct.pack("<6f", 1, 2, 3, 4, 5, 6)
            tensors = tuple(Tensor("x", "FP32", (2, 3), data) for _ in inputs)
            return Chunk(tensors=tensors, finish="stop", usage=Usage(2, 0))
        case other:
            raise AssertionError(other)


async def asked(serve, raw, network, path: str, body: Any):
    async with serve(network) as url:
        return await raw(url).ask("POST", path, body)


async def test_step(serve, raw, answering):
    network = answering()
    body = {"model": "echo", "messages": [{"role": "user", "content": "a"}], "top_k": 3}
    response = await asked(serve, raw, network, STEP, body | {"partial": "the "})
    told = response.json
    assert told["alternatives"] == [
        {"token": "", "logprob": -0.1, "bytes": [0xC3]},
        {"token": "", "logprob": -9999.0, "bytes": []},
    ]
    assert (told["object"], told["model"]) == ("modelnet.step", "echo")
    assert told["usage"] == {"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7}
    assert told["modelnet"]["contributors"][0]["model"] == "echo"
    assert told["modelnet"]["task_id"] == response.headers["x-request-id"]
    request = network.tasks[0].request
    assert request == Step(Chat((Message("user", "a"),), partial=Partial("the ")), 3)


async def test_score(serve, raw, answering):
    network = answering()
    body = {"prompt": "a", "continuation": "crow", "partial": {"reasoning": "hm"}}
    told = (await asked(serve, raw, network, SCORE, body)).json
    assert told["tokens"] == [{"token": "crow", "logprob": -0.5, "bytes": list(b"crow")}]
    assert told["logprob"] == -0.5
    assert network.tasks[0].request == Score(Complete("a", partial=Partial("", "hm")), "crow")
    assert network.tasks[0].models == ("auto",)


@pytest.mark.parametrize("form", ["float", "base64", None])
async def test_encode(serve, raw, answering, form: str | None):
    network = answering()
    body = {"input": ["a", "b"], "layer": 2, "encoding_format": form}
    told = (await asked(serve, raw, network, ENCODE, body)).json
    assert [one["index"] for one in told["data"]] == [0, 1]
    assert told["data"][0]["shape"] == [2, 3]
    states = told["data"][1]["hidden_states"]
    if form == "base64":
        states = struct.iter_unpack("<3f", base64.b64decode(states))
    assert list(map(list, states)) == [[1, 2, 3], [4, 5, 6]]
    assert told["layer"] == 2
    assert network.tasks[0].request == Encode(("a", "b"), 2)


async def test_one_input_needs_no_list(serve, raw, answering):
    network = answering()
    told = (await asked(serve, raw, network, ENCODE, {"input": "a"})).json
    assert len(told["data"]) == 1
    assert network.tasks[0].request == Encode(("a",), -1)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (STEP, {}, "messages"),
        (STEP, {"prompt": "a", "messages": [{"role": "user", "content": "a"}]}, "messages"),
        (STEP, {"messages": []}, "messages"),
        (STEP, {"messages": [{"role": "user"}]}, "messages[0].content"),
        (STEP, {"prompt": "a", "top_k": 0}, "top_k"),
        (STEP, {"prompt": "a", "top_k": 2**40}, "top_k"),
        (STEP, {"prompt": "a", "tools": [{}]}, "tools"),
        (STEP, {"prompt": "a", "response_format": {"type": "json_object"}}, "response_format"),
        (STEP, {"prompt": "a", "partial": 7}, "partial"),
        (SCORE, {"prompt": "a"}, "continuation"),
        (SCORE, {"prompt": "a", "continuation": ""}, "continuation"),
        (ENCODE, {}, "input"),
        (ENCODE, {"input": []}, "input"),
        (ENCODE, {"input": ""}, "input"),
        (ENCODE, {"input": ["a"], "layer": -2}, "layer"),
        (ENCODE, {"input": ["a"], "encoding_format": "int8"}, "encoding_format"),
        (ENCODE, {"input": ["a"], "modelnet": {"deadline_s": 0}}, "modelnet.deadline_s"),
    ],
)
async def test_what_makes_no_sense(serve, raw, answering, path: str, body: Any, param: str):
    response = await asked(serve, raw, answering(), path, body)
    assert response.status == 400
    assert response.json["error"]["param"] == param


TWO = Tensor("x", "FP32", (1, 1), b"\0\0\xc0\x7f")


@pytest.mark.parametrize(
    ("path", "chunk"),
    [
        (STEP, Chunk(finish="stop", usage=Usage())),
        (SCORE, Chunk(finish="stop", usage=Usage())),
        (SCORE, Chunk(tokens=(CROW, CROW), finish="stop", usage=Usage())),
        (ENCODE, Chunk(finish="stop", usage=Usage())),
        (ENCODE, Chunk(tensors=(TWO,), finish="stop", usage=Usage())),
        (ENCODE, Chunk(tensors=(TWO, TWO), finish="stop", usage=Usage())),
        (ENCODE, Chunk(tensors=(Tensor("x", "FP64", (1, 1), b"\0" * 8),), finish="stop")),
        (ENCODE, Chunk(tensors=(Tensor("x", "FP32", (4,), b"\0" * 16),), finish="stop")),
        (ENCODE, Chunk(tensors=(Tensor("x", "FP32", (1, 0), b""),), finish="stop")),
        (ENCODE, Chunk(tensors=(Tensor("x", "FP32", (1, 2), b"\0" * 7),), finish="stop")),
    ],
)
async def test_answers_that_are_none(serve, raw, answering, path: str, chunk: Chunk):
    body = {"prompt": "a", "continuation": "crow", "input": "a"}
    response = await asked(serve, raw, answering(chunk), path, body)
    assert response.status == 502
    assert response.json["error"]["code"] == "engine_failed"


async def test_a_model_without_the_operation(serve, raw, network):
    async def rule(task: Task) -> AsyncGenerator[Any, None]:
        raise UnsupportedError(f"{task.models[0]} cannot step.")
        yield

    response = await asked(serve, raw, network(rule), STEP, {"prompt": "a"})
    assert (response.status, response.json["error"]["code"]) == (400, "unsupported")


async def test_half_a_character_of_a_continuation(serve, raw, answering):
    body = json.dumps({"prompt": "a", "continuation": "\ud800"}).encode()
    assert (await asked(serve, raw, answering(), SCORE, body)).status == 400
