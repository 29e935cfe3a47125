"""Tensors across real nodes: a Triton client at one, the model at others, some of which die."""

from pathlib import Path

import anyio
import numpy as np
import pytest
from tritonclient.http import InferInput
from tritonclient.http.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

import modelnet
from modelnet.application.settings import Settings, load_settings
from modelnet.core.tensor import TensorSpec
from modelnet.resource.backend.typed import TypedModel, typed_model

pytestmark = [pytest.mark.anyio, pytest.mark.live]


def settings(folder: Path, name: str, **more) -> Settings:
    told = {"name": name, "multicast": False, "port": 0, "data_dir": folder / name, "exams": False}
    return load_settings(told | more, environ={}, file=folder / "none.toml")


class Halving:
    """Halves numbers; while it is told to stall it keeps its askers waiting."""

    def __init__(self) -> None:
        self.stalls = False
        self.asked = anyio.Event()

    async def halve(self, x: np.ndarray) -> np.ndarray:
        self.asked.set()
        if self.stalls:
            await anyio.sleep_forever()
        return x / 2


def halver(halving: Halving) -> TypedModel:
    decorate = typed_model(
        name="org/halver:1",
        inputs=[TensorSpec("x", "FP32", (-1, 2))],
        outputs=[TensorSpec("half", "FP32", (-1, 2))],
    )
    return decorate(halving.halve)


def given(*rows: list[float]) -> list[InferInput]:
    array = np.array(rows, np.float32)
    return [InferInput("x", list(array.shape), "FP32").set_data_from_numpy(array)]


def client_of(node: modelnet.Node) -> InferenceServerClient:
    assert node.url is not None
    return InferenceServerClient(node.url.removeprefix("http://").removesuffix("/v1"))


async def test_a_model_of_another_node_by_its_metadata(tmp_path):
    async with (
        modelnet.Node(settings(tmp_path, "bob"), models=[halver(Halving())]) as bob,
        modelnet.Node(settings(tmp_path, "alice", join=bob.listen)) as alice,
    ):
        with anyio.fail_after(10):
            await alice.wait_until(lambda directory: bool(directory.offers))
        async with client_of(alice) as client:
            for name in ("org/halver:1", "org/halver:1@bob"):
                told = await client.get_model_metadata(name)
                assert told["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]
                result = await client.infer(name, given([1, 2], [3, 4]))
                assert result.as_numpy("half").tolist() == [[0.5, 1], [1.5, 2]]
                assert result.get_response()["parameters"]["modelnet_node"] == bob.id
            with pytest.raises(InferenceServerException, match=r"FP32\[-1, 2\]|\(x"):
                await client.infer("org/halver:1", given([1, 2, 3]))


async def live(config: Settings, halving: Halving, *, task_status) -> None:
    """Be a node until the scope is cancelled that is handed back."""
    with anyio.CancelScope() as scope:
        async with modelnet.Node(config, models=[halver(halving)], with_http=False):
            task_status.started(scope)
            await anyio.sleep_forever()


async def test_when_its_node_leaves_another_answers(tmp_path):
    one, other = Halving(), Halving()
    one.stalls = other.stalls = True
    async with (
        modelnet.Node(settings(tmp_path, "alice")) as alice,
        client_of(alice) as client,
        anyio.create_task_group() as group,
    ):
        lives = {
            halving: await group.start(live, settings(tmp_path, name, join=alice.listen), halving)
            for name, halving in (("bob", one), ("carol", other))
        }
        with anyio.fail_after(10):
            await alice.wait_until(lambda directory: len(directory.offers) == 2)
        answers: list[np.ndarray] = []

        async def ask() -> None:
            result = await client.infer("org/halver:1", given([1, 2]))
            answers.append(result.as_numpy("half"))
            group.cancel_scope.cancel()

        group.start_soon(ask)
        with anyio.fail_after(10):
            asked = await _first(one, other)
        one.stalls = other.stalls = False
        lives[asked].cancel()
    assert answers[0].tolist() == [[0.5, 1]]


async def _first(*halvings: Halving) -> Halving:
    """Return the one that is asked first."""
    found: list[Halving] = []

    async def watch(halving: Halving) -> None:
        await halving.asked.wait()
        found.append(halving)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for halving in halvings:
            group.start_soon(watch, halving)
    return found[0]
