"""Requests that fit share a run of the function, and each gets its own rows."""

import anyio
import numpy as np
import pytest

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.error import EngineError, InvalidRequestError
from modelnet.core.request import Infer
from modelnet.core.tensor import TensorSpec
from modelnet.resource.backend.typed.array import array_of, tensor_from
from modelnet.resource.backend.typed.inference import MAX_ROWS, Inference

pytestmark = pytest.mark.anyio
CARD = ModelCard(
    name="sums",
    operations=("infer",),
    engine="python",
    inputs=(TensorSpec("x", "FP32", (-1, -1)),),
    outputs=(TensorSpec("sum", "FP32", (-1,)), TensorSpec("same", "FP32", (-1, -1))),
)


class Engine:
    """Sums rows, refuses those with a negative number, and remembers how many it was given."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.names: list[list[str]] = []

    def run(self, arrays, outputs, _):
        x = arrays["x"]
        self.rows.append(len(x))
        self.names.append([*outputs])
        if (x < 0).any():
            raise InvalidRequestError("A number is negative.")
        made = {"sum": x.sum(axis=1), "same": x}
        return {name: made[name] for name in outputs}


def rows(*values, outputs=()) -> Infer:
    return Infer((tensor_from("x", np.array(values, "<f4")),), outputs)


async def infer_all(inference: Inference, requests: list[Infer]) -> list[Chunk | Exception]:
    answers: dict[int, Chunk | Exception] = {}

    async def ask(place: int, request: Infer) -> None:
        try:
            answers[place] = await inference.infer(request)
        except (InvalidRequestError, EngineError) as error:
            answers[place] = error

    async with anyio.create_task_group() as group:
        for place, request in enumerate(requests):
            group.start_soon(ask, place, request)
    inference.close()
    return [answers[place] for place in range(len(requests))]


def sums_of(answers):
    return [
        array_of(one.tensors[0]).tolist() if isinstance(one, Chunk) else type(one)
        for one in answers
    ]


async def test_requests_are_joined_and_each_gets_its_own_rows():
    engine = Engine()
    inference = Inference(CARD, engine.run, workers=1, is_row_by_row=True)
    answers = await infer_all(inference, [rows([1, 2]), rows([3, 4], [5, 6]), rows([7, 8])])
    assert sums_of(answers) == [[3], [7, 11], [15]]
    assert engine.rows == [4]


async def test_those_of_other_sizes_or_other_outputs_are_not_joined():
    engine = Engine()
    inference = Inference(CARD, engine.run, workers=1, is_row_by_row=True)
    requests = [rows([1, 2]), rows([1, 2, 3]), rows([4, 5], outputs=("sum",)), rows([6, 7])]
    answers = await infer_all(inference, requests)
    assert sums_of(answers) == [[3], [6], [9], [13]]
    assert sorted(engine.rows) == [1, 1, 2]
    assert ["sum"] in engine.names


async def test_a_bad_one_does_not_spoil_its_neighbours():
    inference = Inference(CARD, Engine().run, workers=1, is_row_by_row=True)
    answers = await infer_all(inference, [rows([1, 2]), rows([-1, 0]), rows([3, 4])])
    assert sums_of(answers) == [[3], InvalidRequestError, [7]]


async def test_tensors_that_do_not_fit_never_reach_the_engine():
    engine = Engine()
    inference = Inference(CARD, engine.run, workers=1, is_row_by_row=True)
    bad = Infer((tensor_from("x", [1.0]),))
    assert sums_of(await infer_all(inference, [bad, rows([1, 2])])) == [InvalidRequestError, [3]]
    assert engine.rows == [1]


async def test_a_function_that_is_not_row_by_row_is_never_joined():
    engine = Engine()
    inference = Inference(CARD, engine.run, workers=1, is_row_by_row=False)
    await infer_all(inference, [rows([1, 2]), rows([3, 4])])
    assert engine.rows == [1, 1]


async def test_a_batch_has_no_more_rows_than_it_may():
    engine = Engine()
    inference = Inference(CARD, engine.run, workers=1, is_row_by_row=True)
    half = rows(*[[1, 2]] * (MAX_ROWS // 2))
    await infer_all(inference, [half, half, half, rows(*[[1, 2]] * (MAX_ROWS + 1))])
    assert engine.rows == [MAX_ROWS, MAX_ROWS // 2, MAX_ROWS + 1]


async def test_a_request_without_rows_is_asked():
    inference = Inference(CARD, Engine().run, workers=1, is_row_by_row=True)
    empty = Infer((tensor_from("x", np.empty((0, 2), "<f4")),))
    assert sums_of(await infer_all(inference, [empty, rows([1, 2])])) == [[], [3]]


async def test_an_engine_that_loses_rows_is_asked_for_each_alone():
    def lossy(arrays, outputs, abandonment):
        return {name: arrays["x"].sum(axis=1)[:1] for name in outputs}

    inference = Inference(CARD, lossy, workers=1, is_row_by_row=True)
    requests = [rows([1, 2], outputs=("sum",)), rows([3, 4], outputs=("sum",))]
    assert sums_of(await infer_all(inference, requests)) == [[3], [7]]
