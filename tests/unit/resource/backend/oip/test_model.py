"""What servers of the Open Inference Protocol say, well and badly, and what becomes of it."""

import struct
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import anyio
import msgspec
import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import (
    DeadlineError,
    EngineError,
    InvalidRequestError,
    ModelnetError,
    OverloadedError,
    SettingsError,
    UnsupportedError,
)
from modelnet.core.request import Complete, Infer
from modelnet.core.tensor import Tensor, TensorSpec, byte_tensor
from modelnet.resource.backend.oip import OpenInferenceModel, oip_endpoint
from modelnet.resource.specification import model_from
from tests.conformance.bad_server import (
    BUSY,
    FAILS,
    HANGS,
    NO_HTTP,
    NO_JSON,
    VANISHES,
    BadServer,
    Received,
    Reply,
    answer,
    cut,
    serving,
)
from tests.unit.resource.backend.oip.triton import SPECS, Triton

pytestmark = pytest.mark.anyio

ROWS = Tensor("rows", "FP32", (2, 2), struct.pack("<4f", 1, 2, 3, 4))
WORD = byte_tensor("word", [b"crow"])
SUM = Tensor("sum", "FP32", (2,), struct.pack("<2f", 3, 7))
LOUD = byte_tensor("loud", [b"CROW"])
ASKED = Infer((ROWS, WORD))


@asynccontextmanager
async def running(triton: Triton, fragment: str = "#add") -> AsyncIterator[OpenInferenceModel]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(triton))
        model = OpenInferenceModel(oip_endpoint(server.url + fragment))
        await model.start()
        model.server = server
        stack.push_async_callback(model.stop)
        yield model


async def ask(model: OpenInferenceModel, request: Infer = ASKED, within_s: float = 10.0) -> Chunk:
    async with aclosing(model.run(request, deadline=time.time() + within_s)) as chunks:
        (chunk,) = [chunk async for chunk in chunks]
    return chunk


def server_of(model: Any) -> BadServer:
    return model.server


@pytest.mark.parametrize("has_binary", [True, False])
async def test_tensors_there_and_back(has_binary: bool):
    async with running(Triton(has_binary=has_binary)) as model:
        chunk = await ask(model)
        assert chunk.tensors == (SUM, LOUD)
        assert (chunk.finish, chunk.usage is not None) == ("stop", True)
        sent = server_of(model).received[-1]
        assert ("inference-header-content-length" in sent.headers) is has_binary


async def test_only_the_outputs_asked_for_in_that_order():
    async with running(Triton()) as model:
        assert (await ask(model, Infer((ROWS, WORD), ("loud",)))).tensors == (LOUD,)
        swapped = await ask(model, Infer((WORD, ROWS), ("loud", "sum")))
        assert swapped.tensors == (LOUD, SUM)


async def test_the_card_is_what_the_server_says():
    async with running(Triton()) as model:
        card = model.card
    assert (card.name, card.engine, card.operations) == ("add", "oip", ("infer",))
    assert card.version == "10"
    assert card.parallel == 1
    assert card.inputs == (TensorSpec("rows", "FP32", (-1, 2)), TensorSpec("word", "BYTES", (1,)))
    assert [spec.name for spec in card.outputs] == ["sum", "loud"]


@pytest.mark.parametrize(
    ("config", "parallel"),
    [
        ({}, 1),
        ({"instance_group": [{"count": 2}, {"count": 3, "kind": "KIND_GPU"}]}, 5),
        ({"instance_group": [{"count": 2}], "max_batch_size": 8}, 2),
        ({"instance_group": [{"count": 2}], "max_batch_size": 8, "dynamic_batching": {}}, 16),
        ({"instance_group": [{"count": 0}]}, 1),
        ({"instance_group": [{"count": 10**9}]}, 256),
    ],
)
async def test_its_places_are_those_of_the_configuration(config: Any, parallel: int):
    triton = Triton()
    triton.config = config
    async with running(triton) as model:
        assert model.card.parallel == parallel


async def test_a_version_is_asked_by_its_path():
    async with running(Triton(), "#add/versions/9") as model:
        assert (model.card.name, model.card.version) == ("add", "9")
        await ask(model)
        assert server_of(model).received[-1].path == "/v2/models/add/versions/9/infer"


async def test_the_only_model_needs_no_name():
    async with running(Triton(), "/v2") as model:
        assert model.card.name == "add"


async def test_a_specification_names_it():
    async with serving(Triton()) as server:
        model = model_from(f"sums=oip:{server.url}#add")
        await model.start()
        assert model.card.name == "sums"
        await model.stop()


async def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MODELNET_KEY_127_0_0_1", "s3cret")
    async with running(Triton()) as model:
        assert server_of(model).received[0].headers["authorization"] == "Bearer s3cret"
        assert "s3cret" not in repr(model.card)


def told(**changes: Any) -> Triton:
    triton = Triton()
    for name, value in changes.items():
        setattr(triton, name, value)
    return triton


OTHERS = [{"name": "b", "state": "READY"}, {"name": "c"}, {"name": "d", "state": "UNAVAILABLE"}]


@pytest.mark.parametrize(
    ("triton", "fragment", "error", "match"),
    [
        (told(index=OTHERS), "", SettingsError, "has b, c; name one"),
        (told(index=None), "", SettingsError, "does not list its models"),
        (told(index=OTHERS), "#nope", SettingsError, "has no 'nope' ready, it has b, c"),
        (told(index=None), "#nope", EngineError, "status 400"),
        (told(ready=answer({"error": "loading"}, status=503)), "#add", EngineError, "not ready"),
        (told(ready=answer({"name": "add", "ready": False})), "#add", EngineError, "not ready"),
        (told(server=[1]), "#add", EngineError, "does not speak"),
        (told(metadata={"inputs": "many"}), "#add", EngineError, "does not speak"),
        (told(metadata={"name": "add"}), "#add", EngineError, "does not say which tensors"),
        (told(metadata=SPECS | {"inputs": [{"name": "x", "datatype": "STRING"}]}), "#add",
         EngineError, "does not speak"),
        (told(config="none"), "#add", EngineError, "does not speak"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
async def test_what_keeps_it_from_starting(triton: Triton, fragment: str, error: Any, match: str):
    with pytest.raises(error, match=match):
        async with running(triton, fragment):
            pass


async def test_nothing_listens():
    async with serving(Triton()) as server:
        pass
    with pytest.raises(EngineError, match="cannot be reached"):
        await OpenInferenceModel(oip_endpoint(server.url + "#add")).start()


@pytest.mark.parametrize(
    "tampered",
    [
        {"datatype": "FP64"},
        {"shape": [3]},
        {"shape": [1, 2]},
        {"shape": [2**62, 2**62]},
        {"name": "other"},
        {"data": [1.0]},
        {"datatype": None},
    ],
    ids=str,
)
async def test_outputs_that_are_not_as_described(tampered: dict[str, Any]):
    async with running(told(tampered=tampered)) as model:
        with pytest.raises(EngineError):
            await ask(model)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (FAILS, EngineError),
        (BUSY, OverloadedError),
        (NO_HTTP, EngineError),
        (NO_JSON, EngineError),
        (VANISHES, EngineError),
        (answer({}), EngineError),
        (answer({"outputs": []}), EngineError),
        (answer(b"{}", headers={"Inference-Header-Content-Length": "99"}), EngineError),
        (answer({"error": "unexpected shape"}, status=400), InvalidRequestError),
        (answer({"error": "gone"}, status=404), EngineError),
    ],
)
async def test_answers_that_are_none(reply: Reply, error: type[ModelnetError]):
    triton = Triton()
    async with running(triton) as model:
        server_of(model).script = lambda _: reply
        with pytest.raises(error):
            await ask(model)
        server_of(model).script = triton
        assert (await ask(model)).tensors == (SUM, LOUD)


async def test_an_answer_cut_short():
    triton = Triton()
    async with running(triton) as model:
        server_of(model).script = lambda asked: cut(triton(asked))
        with pytest.raises(EngineError):
            await ask(model)


async def test_a_server_that_hangs_is_left():
    async with running(Triton()) as model:
        server_of(model).script = lambda _: HANGS
        with pytest.raises(DeadlineError):
            await ask(model, within_s=0.1)
        with anyio.fail_after(5):
            await server_of(model).is_left.wait()


async def test_stopping_ends_the_wait():
    async with running(Triton()) as model:
        heard: list[ModelnetError] = []

        async def waiting() -> None:
            try:
                await ask(model)
            except ModelnetError as error:
                heard.append(error)

        asked = anyio.Event()

        def hang(_: Received) -> Reply:
            asked.set()
            return HANGS

        server_of(model).script = hang
        async with anyio.create_task_group() as group:
            group.start_soon(waiting)
            await asked.wait()
            await model.stop()
        assert isinstance(heard[0], EngineError)


async def test_what_the_card_lacks_never_reaches_the_server():
    bad = [
        Infer((ROWS,)),
        Infer((ROWS, WORD, msgspec.structs.replace(WORD, name="more"))),
        Infer((msgspec.structs.replace(ROWS, datatype="FP64"), WORD)),
        Infer((msgspec.structs.replace(ROWS, data=b""), WORD)),
        Infer((ROWS, WORD), ("nothing",)),
    ]
    async with running(Triton()) as model:
        count = len(server_of(model).received)
        for request in bad:
            with pytest.raises((InvalidRequestError, UnsupportedError)):
                await ask(model, request)
        with pytest.raises(UnsupportedError):
            async for _ in model.run(Complete("a"), deadline=time.time() + 5):
                pass
        assert len(server_of(model).received) == count


async def test_many_at_once():
    answers: list[tuple[Tensor, ...]] = []
    async with running(Triton()) as model:

        async def one(number: int) -> None:
            rows = Tensor("rows", "FP32", (1, 2), struct.pack("<2f", number, 1))
            (total,) = (await ask(model, Infer((rows, WORD), ("sum",)))).tensors
            assert struct.unpack("<f", total.data) == (number + 1,)
            answers.append((total,))

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(one, number)
    assert len(answers) == 20
