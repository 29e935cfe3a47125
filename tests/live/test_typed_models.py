"""Models of tensors on real sockets: asked from another node, found by what they take."""

from collections import Counter

import anyio
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from skops import io as skops

import modelnet
from modelnet.core.error import EngineError, ModelFileError, UnsupportedError
from tests.conformance.tiny_onnx import write_tiny_encoder, write_tiny_onnx
from tests.live.test_node import meet, settings

pytestmark = [pytest.mark.anyio, pytest.mark.live]
FEW = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], ["few", "few", "many", "many"])
ROW = modelnet.tensor_from("x", np.array([[-1.0, -2.0, -3.0]], np.float32))


@modelnet.typed_model()
def fragile(text: str) -> int:
    """Measure a text, but not an empty one."""
    return len(text) // len(text)


async def ask(node: modelnet.Node, request, **options):
    (chunk,) = [chunk async for chunk in node.ask(request, **options)]
    return chunk


@pytest.fixture
def specifications(tmp_path) -> list[str]:
    write_tiny_onnx(tmp_path / "rows.onnx")
    (tmp_path / "encoder").mkdir()
    write_tiny_encoder(tmp_path / "encoder")
    skops.dump(FEW, tmp_path / "amount.skops")
    return [
        f"onnx:{tmp_path}/rows.onnx",
        f"onnx:{tmp_path}/encoder",
        f"sklearn:{tmp_path}/amount.skops",
    ]


async def test_files_are_asked_from_another_node_by_the_tensors_they_take(specifications, tmp_path):
    async with (
        modelnet.Node(settings(tmp_path, "a"), models=[*specifications, fragile]) as first,
        modelnet.Node(settings(tmp_path, "b", join=first.listen)) as second,
    ):
        await meet(first, second)
        with anyio.fail_after(10):
            await second.wait_until(lambda directory: len(directory.offers) == 4)
        rows = await ask(second, modelnet.Infer((ROW,)))
        assert [tensor.name for tensor in rows.tensors] == ["y", "label"]
        table = modelnet.tensor_from("X", [[0.0], [3.0]])
        labels = await ask(second, modelnet.Infer((table,), ("predict",)))
        assert modelnet.array_of(labels.tensors[0]).tolist() == [b"few", b"many"]
        vectors = await ask(second, modelnet.Embed(("one", "the fox")))
        assert [len(vector) for vector in vectors.vectors] == [32, 32]
        states = await ask(second, modelnet.Encode(("the fox",)))
        assert states.tensors[0].shape == (4, 8)


async def test_no_chat_goes_to_them_and_no_tensors_to_those_that_take_others(
    specifications, tmp_path
):
    async with modelnet.Node(settings(tmp_path), models=specifications) as node:
        with pytest.raises(UnsupportedError, match="chat"):
            await ask(node, "Hello")
        with pytest.raises(UnsupportedError, match="tensors"):
            await ask(
                node, modelnet.Infer((modelnet.tensor_from("x", np.ones((1, 2), np.float32)),))
            )


async def test_what_a_function_raises_does_not_end_the_node(tmp_path):
    async with modelnet.Node(settings(tmp_path), models=[fragile]) as node:
        with pytest.raises(EngineError):
            await ask(node, modelnet.Infer((modelnet.tensor_from("text", ""),)))
        good = await ask(node, modelnet.Infer((modelnet.tensor_from("text", "word"),)))
        assert modelnet.array_of(good.tensors[0]).item() == 1


async def test_many_at_once_are_all_answered_each_with_its_own(tmp_path):
    told: Counter[str] = Counter()

    async def one(node: modelnet.Node, value: float) -> None:
        request = modelnet.Infer((modelnet.tensor_from("X", [[value]]),), ("predict",))
        label = modelnet.array_of((await ask(node, request)).tensors[0]).item()
        told[f"{value:.0f} {label.decode()}"] += 1

    async with (
        modelnet.Node(settings(tmp_path), models=[FEW]) as node,
        anyio.create_task_group() as group,
    ):
        for place in range(128):
            group.start_soon(one, node, 3.0 * (place % 2))
    assert told == {"0 few": 64, "3 many": 64}


async def test_a_broken_file_keeps_the_node_from_starting_and_is_named(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelFileError, match=r"broken\.onnx"):
        async with modelnet.Node(settings(tmp_path), models=[f"onnx:{tmp_path}/broken.onnx"]):
            pass
