"""Any Python callable as a typed model, and what becomes of its mistakes."""

import functools
import threading
import time
from contextlib import aclosing

import anyio
import numpy as np
import pytest

from modelnet.core.card import Price, Skill
from modelnet.core.error import (
    DeadlineError,
    EngineError,
    InvalidRequestError,
    OverloadedError,
    SettingsError,
    UnsupportedError,
)
from modelnet.core.request import Chat, Infer, Message
from modelnet.core.tensor import TensorSpec
from modelnet.resource.backend.typed import TypedModel, typed_model
from modelnet.resource.backend.typed.array import array_of, tensor_from

pytestmark = pytest.mark.anyio
X = TensorSpec("x", "FP32", (-1, 2))
SUM = TensorSpec("sum", "FP32", (-1,))
MAX = TensorSpec("max", "FP32", (-1,))


async def ask(made: TypedModel, within_s: float = 5.0, outputs=(), **values):
    await made.start()
    request = Infer(tuple(tensor_from(name, value) for name, value in values.items()), outputs)
    async with aclosing(made.run(request, deadline=time.time() + within_s)) as chunks:
        (chunk,) = [chunk async for chunk in chunks]
    return {tensor.name: array_of(tensor).tolist() for tensor in chunk.tensors}


def rows(*values) -> np.ndarray:
    return np.array(values, "<f4")


@typed_model(skills=["prices", Skill("houses", "Houses")], price=Price(1.0), licence="MIT")
def price(area: float, town: str) -> float:
    """Tell what a house costs.

    Roughly.
    """
    return area * len(town)


async def test_a_function_of_plain_values_is_a_model():
    assert await ask(price, area=2.0, town="Rome") == {"output": 8.0}
    assert price(2.0, "Rome") == 8.0


def test_the_card_tells_what_it_takes_and_gives():
    card = price.card
    assert (card.name, card.operations, card.engine) == ("price", ("infer",), "python")
    assert card.description == "Tell what a house costs."
    assert card.skill_ids == {"prices", "houses"}
    assert (card.price, card.licence) == (Price(1.0), "MIT")
    assert card.inputs == (TensorSpec("area", "FP64", ()), TensorSpec("town", "BYTES", ()))
    assert card.outputs == (TensorSpec("output", "FP64", ()),)
    assert price.renamed("cost").card.name == "cost"


async def test_an_image_is_a_value_of_bytes():
    @typed_model()
    def size(image: bytes) -> int:
        return len(image)

    assert await ask(size, image=b"\x89PNG\0\0") == {"output": 6}


async def test_text_comes_back_as_bytes():
    @typed_model()
    def labels(texts: list[str]) -> list[str]:
        return [text.upper() for text in texts]

    assert await ask(labels, texts=["a", "é"]) == {"output": [b"A", "É".encode()]}


async def test_a_function_of_given_specs_is_handed_arrays_and_returns_a_dict():
    @typed_model(inputs=[X], outputs=[SUM, MAX])
    def both(x):
        x *= 2  # It may: the array is its own.
        return {"sum": x.sum(axis=1), "max": x.max(axis=1), "more": 1}

    assert await ask(both, x=rows([1, 2])) == {"sum": [6], "max": [4]}
    assert await ask(both, outputs=("max",), x=rows([1, 2])) == {"max": [4]}


async def test_tensors_are_handed_by_name_where_parameters_are_called_so():
    a, b = TensorSpec("a", "FP64", ()), TensorSpec("b", "FP64", ())
    less = typed_model(inputs=[b, a], outputs=[TensorSpec("y", "FP64", ())])(lambda a, b: a - b)
    assert await ask(less, a=5.0, b=3.0) == {"y": 2.0}


async def test_others_are_handed_in_their_order():
    specs = [TensorSpec("in:0", "FP64", ()), TensorSpec("in:1", "FP64", ())]
    for function in (lambda a, b: a - b, np.subtract):
        less = typed_model(inputs=specs, outputs=[TensorSpec("y", "FP64", ())], name="less")(
            function
        )
        assert await ask(less, **{"in:1": 3.0, "in:0": 5.0}) == {"y": 2.0}


async def test_async_functions_and_objects_are_called_too():
    @typed_model()
    async def double(x: float) -> float:
        await anyio.lowlevel.checkpoint()
        return 2 * x

    class Doubler:
        async def __call__(self, x: float) -> float:
            return 2 * x

    assert await ask(double, x=2.0) == {"output": 4.0}
    assert await ask(typed_model()(Doubler()), x=2.0) == {"output": 4.0}
    partial = functools.partial(lambda x, y: x + y, y=1.0)
    added = typed_model(inputs=[TensorSpec("x", "FP64", ())], outputs=[TensorSpec("y", "FP64", ())])
    assert await ask(added(partial), x=2.0) == {"y": 3.0}


def test_generators_are_refused():
    def pieces(x: float) -> float:
        yield x

    with pytest.raises(SettingsError, match="yields"):
        typed_model()(pieces)


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (None, "shape"),
        ("text", "shape"),
        ([[1.0]], "shape"),
        ([None], "object"),
        ([1j], "complex"),
        ([[1], [2, 3]], "no array"),
        ({"other": [1.0]}, "no 'sum'"),
    ],
)
async def test_an_answer_that_is_not_as_announced_is_the_models_fault(answer, named):
    def mistaken(x):
        return answer

    with pytest.raises(EngineError, match=named):
        await ask(typed_model(inputs=[X], outputs=[SUM])(mistaken), x=rows([1, 2]))


async def test_what_a_function_raises_is_the_models_fault():
    @typed_model()
    def divide(x: float) -> float:
        return 1 / x

    with pytest.raises(EngineError, match="ZeroDivisionError"):
        await ask(divide, x=0.0)


async def test_several_outputs_need_a_dict():
    made = typed_model(inputs=[X], outputs=[SUM, MAX])(lambda x: x.sum(axis=1))
    with pytest.raises(EngineError, match="no dict"):
        await ask(made, x=rows([1, 2]))


async def test_errors_of_ours_pass_as_they_are():
    @typed_model()
    def picky(x: float) -> float:
        raise InvalidRequestError("It is too hot.")

    with pytest.raises(InvalidRequestError, match="too hot"):
        await ask(picky, x=1.0)


async def test_wrong_tensors_and_other_operations_never_reach_the_function():
    called: list[float] = []

    @typed_model()
    def note(x: float) -> float:
        called.append(x)
        return x

    with pytest.raises(InvalidRequestError):
        await ask(note, x=[1.0])
    with pytest.raises(InvalidRequestError):
        await ask(note, x=1)
    with pytest.raises(UnsupportedError):
        await anext(note.run(Chat((Message("user", "hi"),)), deadline=time.time() + 5))
    assert called == []


async def test_a_thread_that_hangs_is_left_behind_and_keeps_its_place():
    gate = threading.Event()

    @typed_model(parallel=1)
    def waits(x: float) -> float:
        gate.wait(5)
        return x

    try:
        with pytest.raises(DeadlineError):
            await ask(waits, within_s=0.05, x=1.0)
        with pytest.raises(OverloadedError):
            await ask(waits, x=1.0)
    finally:
        gate.set()


async def test_functions_run_side_by_side():
    both_in = threading.Barrier(2, timeout=5)

    @typed_model()
    def meets(x: float) -> float:
        both_in.wait()
        return x

    answers: list[dict] = []

    async def one() -> None:
        answers.append(await ask(meets, x=1.0))

    async with anyio.create_task_group() as group:
        group.start_soon(one)
        group.start_soon(one)
    assert answers == [{"output": 1.0}] * 2
