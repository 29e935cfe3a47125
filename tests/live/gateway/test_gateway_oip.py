"""The official Triton client, both kinds, at the gateway of a network that answers with tensors."""

import gzip
import struct
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import anyio
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.http.aio import InferenceServerClient as AsyncClient
from tritonclient.utils import InferenceServerException

from modelnet.application.gateway.server import serve_gateway
from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.error import InvalidRequestError, OverloadedError
from modelnet.core.identity import NodeId
from modelnet.core.request import Infer
from modelnet.core.task import Contribution, Task
from modelnet.core.tensor import Tensor, TensorSpec, byte_tensor
from modelnet.resource.directory import Directory, Offer

pytestmark = pytest.mark.live

ALICE, BOB = NodeId("did:key:z6MkAliceAlic"), NodeId("did:key:z6MkBobBobBo")
NAME = "org/mirror:7b@home"
ANY = (TensorSpec("x", "FP32", (-1, 2)), TensorSpec("word", "BYTES", (-1,)))


def card(name: str, version: str = "1", **changes: Any) -> ModelCard:
    changes = {"operations": ("infer",), "inputs": ANY, "outputs": ANY, "parallel": 2} | changes
    return ModelCard(name=name, version=version, engine="python", **changes)


def offer(node: NodeId, it: ModelCard) -> Offer:
    return Offer(node=node, node_name="alice" if node == ALICE else "bob", card=it)


class Mirror:
    """Gives back what it is given; what it was asked is kept."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.directory = Directory(ALICE)
        self.extra: tuple[Tensor, ...] = ()
        self.together = anyio.Event()
        self.waits_for = 1

    def offers(self) -> tuple[Offer, ...]:
        talker = ModelCard(name="talker", operations=("chat",), engine="scripted")
        return (
            offer(ALICE, card(NAME)),
            offer(BOB, card(NAME, "2")),
            offer(BOB, card("strict")),
            offer(ALICE, talker),
        )

    async def answer(self, task: Task) -> AsyncGenerator[Chunk | Contribution, None]:
        self.tasks.append(task)
        request = task.request
        assert isinstance(request, Infer)
        if task.models == ("strict",):
            raise InvalidRequestError("The shape is wrong; it takes (-1, 2).")
        if len(self.tasks) >= self.waits_for:
            self.together.set()
        await self.together.wait()
        yield Contribution(node=BOB, model=NAME, because="it is free")
        tensors = (*request.inputs, *self.extra)
        wanted = request.outputs or tuple(tensor.name for tensor in tensors)
        named = {tensor.name: tensor for tensor in tensors}
        chosen = tuple(named[name] for name in wanted if name in named)
        yield Chunk(tensors=chosen, finish="stop", usage=Usage())


@pytest.fixture
def mirror() -> Mirror:
    return Mirror()


@pytest.fixture
def address(mirror: Mirror) -> Iterator[str]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve_gateway(mirror)) as url,
    ):
        yield url.removeprefix("http://")


@pytest.fixture
def client(address: str) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(address) as made:
        yield made


def given(array: np.ndarray, datatype: str, *, name: str = "x", binary: bool = True) -> InferInput:
    tensor = InferInput(name, list(array.shape), datatype)
    return tensor.set_data_from_numpy(array, binary_data=binary)


def test_the_server_and_its_models(client: InferenceServerClient):
    assert client.is_server_live()
    assert client.is_server_ready()
    told = client.get_server_metadata()
    assert told["name"] == "modelnet"
    assert "binary_tensor_data" in told["extensions"]
    index = client.get_model_repository_index()
    assert [(one["name"], one["version"]) for one in index] == [
        (NAME, "1"), (NAME, "2"), ("strict", "1"),
    ]  # fmt: skip


def test_a_model_is_described(client: InferenceServerClient):
    assert client.is_model_ready(NAME)
    assert client.is_model_ready(NAME, "2")
    told = client.get_model_metadata(NAME)
    assert (told["name"], told["versions"], told["platform"]) == (NAME, ["1", "2"], "python")
    assert told["inputs"][0] == {"name": "x", "datatype": "FP32", "shape": [-1, 2]}
    config = client.get_model_config(NAME, "2")
    assert config["max_batch_size"] == 0
    assert config["output"][1] == {"name": "word", "data_type": "TYPE_STRING", "dims": [-1]}
    assert config["instance_group"][0]["count"] == 2


@pytest.mark.parametrize(
    ("name", "version", "status", "match"),
    [
        ("nope", "", "404", "No reachable node serves 'nope'"),
        (NAME, "3", "404", "no version '3', only 1, 2"),
        ("talker", "", "400", "takes no tensors"),
        ("auto", "", "404", "name one of them"),
    ],
)
def test_models_that_cannot_be_described(
    client: InferenceServerClient, name: str, version: str, status: str, match: str
):
    assert not client.is_model_ready(name, version)
    for describe in (client.get_model_metadata, client.get_model_config):
        with pytest.raises(InferenceServerException, match=match) as caught:
            describe(name, version)
        assert caught.value.status() == status


ARRAYS = [
    ("FP32", np.array([[1.5, -2.0]], np.float32)),
    ("FP64", np.array([[0.1, 1e300]], np.float64)),
    ("INT64", np.array([[2**62, -1]], np.int64)),
    ("UINT64", np.array([[2**64 - 1, 0]], np.uint64)),
    ("INT8", np.array([[-128, 127]], np.int8)),
    ("BOOL", np.array([[True, False]], np.bool_)),
    ("BYTES", np.array([["fox", "cröw"]], np.object_)),
    ("FP32", np.zeros((0, 2), np.float32)),
]


@pytest.mark.parametrize("is_answer_binary", [True, False])
@pytest.mark.parametrize("is_binary", [True, False])
@pytest.mark.parametrize(
    ("datatype", "array"), ARRAYS, ids=lambda it: it if isinstance(it, str) else ""
)
def test_arrays_come_back(
    client: InferenceServerClient,
    datatype: str,
    array: np.ndarray,
    is_binary: bool,
    is_answer_binary: bool,
):
    result = client.infer(
        NAME,
        [given(array, datatype, binary=is_binary)],
        outputs=[InferRequestedOutput("x", binary_data=is_answer_binary)],
    )
    back = result.as_numpy("x")
    if datatype == "BYTES" and is_answer_binary:
        back = np.array([[one.decode() for one in back[0]]], np.object_)
    assert back.dtype == array.dtype
    assert (back == array).all()
    assert back.shape == array.shape


def test_halves_go_as_binary_only(client: InferenceServerClient):
    halves = np.array([1, 0.5], np.float16)
    assert (client.infer(NAME, [given(halves, "FP16")]).as_numpy("x") == halves).all()
    with pytest.raises(InferenceServerException, match="use binary tensor data"):
        client.infer(NAME, [given(halves, "FP16", binary=False)])
    with pytest.raises(InferenceServerException, match="use binary tensor data"):
        client.infer(
            NAME, [given(halves, "FP16")], outputs=[InferRequestedOutput("x", binary_data=False)]
        )


def test_several_outputs_each_in_its_own_form(client: InferenceServerClient, mirror: Mirror):
    mirror.extra = (byte_tensor("raw", [b"\xff\x00"]), Tensor("n", "INT32", (), b"\7\0\0\0"))
    outputs = [
        InferRequestedOutput("raw", binary_data=True),
        InferRequestedOutput("x", binary_data=False),
        InferRequestedOutput("n", binary_data=True),
    ]
    array = np.array([[1, 2]], np.float32)
    result = client.infer(NAME, [given(array, "FP32")], outputs=outputs, request_id="42")
    assert result.as_numpy("raw").tolist() == [b"\xff\x00"]
    assert (result.as_numpy("x") == array).all()
    assert result.as_numpy("n").item() == 7
    told = result.get_response()
    assert (told["id"], told["model_name"], told["model_version"]) == ("42", NAME, "2")
    assert told["parameters"]["modelnet_node"] == BOB
    assert told["parameters"]["modelnet_task"] == mirror.tasks[0].id


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_packed_both_ways(client: InferenceServerClient, packing: str):
    array = np.zeros((50_000, 2), np.float32)
    result = client.infer(
        NAME,
        [given(array, "FP32")],
        request_compression_algorithm=packing,
        response_compression_algorithm=packing,
    )
    assert (result.as_numpy("x") == array).all()


def test_large_tensors_pass(client: InferenceServerClient):
    array = np.arange(2 * 3_000_000, dtype=np.float32).reshape(-1, 2)
    assert array.nbytes > 16 * 1024 * 1024
    assert (client.infer(NAME, [given(array, "FP32")]).as_numpy("x") == array).all()


def test_one_version_is_a_chain_of_its_models(client: InferenceServerClient, mirror: Mirror):
    word = given(np.array(["a"], np.object_), "BYTES")
    client.infer(NAME, [word], model_version="2")
    client.infer(NAME, [word])
    assert [task.models for task in mirror.tasks] == [(f"{NAME}@{BOB}",), (NAME,)]


def test_the_time_is_in_microseconds(client: InferenceServerClient, mirror: Mirror):
    word = given(np.array(["a"], np.object_), "BYTES")
    client.infer(NAME, [word])
    client.infer(NAME, [word], timeout=20_000_000, priority=3)
    first, second = (task.deadline for task in mirror.tasks)
    assert 250 < first - second < 310


@pytest.mark.parametrize(
    "wanted",
    [
        {"sequence_id": 7, "sequence_start": True},
        {"parameters": {"temperature": 2}},
        {"outputs": [InferRequestedOutput("x", class_count=3)]},
    ],
    ids=["sequence", "own", "classification"],
)
def test_what_no_model_here_does_is_refused(client: InferenceServerClient, wanted: dict[str, Any]):
    word = given(np.array(["a"], np.object_), "BYTES")
    with pytest.raises(InferenceServerException, match="is not supported"):
        client.infer(NAME, [word], **wanted)


def test_shared_memory_is_refused(client: InferenceServerClient):
    tensor = InferInput("x", [1], "FP32")
    tensor.set_shared_memory("region", 4)
    with pytest.raises(InferenceServerException, match="needs either `data`"):
        client.infer(NAME, [tensor])


def test_what_the_model_refuses_is_told(client: InferenceServerClient):
    with pytest.raises(InferenceServerException, match=r"The shape is wrong") as caught:
        client.infer("strict", [given(np.zeros(3, np.float32), "FP32")])
    assert caught.value.status() == "400"


def test_an_output_that_never_came(client: InferenceServerClient):
    with pytest.raises(InferenceServerException, match="other tensors than asked"):
        client.infer(
            NAME,
            [given(np.zeros(3, np.float32), "FP32")],
            outputs=[InferRequestedOutput("nothing")],
        )


def test_many_at_once(address: str, mirror: Mirror):
    mirror.waits_for = 8
    with InferenceServerClient(address, concurrency=8) as client:
        waiting = [
            client.async_infer(NAME, [given(np.array([[n, 0]], np.float32), "FP32")])
            for n in range(8)
        ]
        firsts = [one.get_result().as_numpy("x")[0, 0] for one in waiting]
    assert firsts == list(range(8))


@pytest.mark.anyio
async def test_the_asynchronous_client():
    mirror = Mirror()
    mirror.waits_for = 4
    answers: list[np.ndarray] = []
    async with serve_gateway(mirror) as url, AsyncClient(url.removeprefix("http://")) as client:
        assert await client.is_model_ready(NAME)
        assert (await client.get_model_metadata(NAME))["versions"] == ["1", "2"]

        async def one(number: int) -> None:
            array = np.array([[number, 0]], np.float32)
            result = await client.infer(NAME, [given(array, "FP32")])
            answers.append(result.as_numpy("x"))

        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(one, number)
        with pytest.raises(InferenceServerException, match="No reachable node"):
            await client.infer("nope", [given(np.zeros(1, np.float32), "FP32")])
    assert sorted(array[0, 0] for array in answers) == [0, 1, 2, 3]


@pytest.mark.anyio
async def test_a_key_opens_the_door(raw):
    async with serve_gateway(Mirror(), keys=["s3cret"]) as url:
        refused = await raw(url).ask("GET", "/v2")
        let_in = await raw(url).ask("GET", "/v2", headers={"Authorization": "Bearer s3cret"})
    assert refused.status == 401
    assert "needs a key" in refused.json["error"]
    assert let_in.status == 200


@pytest.mark.anyio
async def test_a_name_may_be_written_in_full_or_encoded(raw):
    async with serve_gateway(Mirror()) as url:
        for written in (NAME, "org%2Fmirror%3A7b%40home", f"{NAME}/versions/2"):
            response = await raw(url).ask("GET", f"/v2/models/{written}")
            assert response.json["name"] == NAME
        for other in (f"{NAME}/versions/", f"{NAME}/versions", "%ff%fe"):
            assert (await raw(url).ask("GET", f"/v2/models/{other}")).status == 404


@pytest.mark.anyio
async def test_what_is_wrong_is_said_in_one_sentence(raw):
    body = {"inputs": [{"name": "x", "shape": [2], "datatype": "INT8", "data": [1, 2]}]}
    path = f"/v2/models/{NAME}/infer"
    cases = [
        ("GET", path, None, {}, 405, "use POST"),
        ("POST", "/v2/nothing", body, {}, 404, "nothing at"),
        ("POST", path, b"{", {}, 400, "cannot be read"),
        ("POST", path, {"inputs": []}, {}, 400, "send at least one"),
        ("POST", path, body, {"Content-Encoding": "br"}, 415, "use gzip, deflate"),
        ("POST", path, body, {"Content-Encoding": "gzip"}, 400, "not packed"),
        ("POST", path, body, {"Inference-Header-Content-Length": "9999"}, 400, "larger than"),
        ("POST", path, body | {"parameters": {"timeout": -1}}, {}, 400, "microseconds"),
        ("POST", path, body | {"parameters": {"binary_data_output": 1}}, {}, 400, "true or false"),
    ]
    async with serve_gateway(Mirror()) as url:
        client = raw(url)
        for method, where, sent, headers, status, match in cases:
            response = await client.ask(method, where, sent, headers)
            assert (response.status, match in response.json["error"]) == (status, True), match
        assert (await client.ask("POST", path, body)).json["outputs"][0]["data"] == [1, 2]


@pytest.mark.anyio
async def test_a_full_network_says_when_to_come_back(raw):
    class Full(Mirror):
        async def answer(self, task: Task) -> AsyncGenerator[Chunk | Contribution, None]:
            self.tasks.append(task)
            raise OverloadedError("Full.", retry_after_s=3.0)
            yield

    body = {"inputs": [{"name": "x", "shape": [1], "datatype": "INT8", "data": [1]}]}
    async with serve_gateway(Full()) as url:
        response = await raw(url).ask("POST", f"/v2/models/{NAME}/infer", body)
    assert (response.status, response.headers["retry-after"]) == (429, "3")
    assert response.json == {"error": "Full."}


def test_a_bomb_is_not_unpacked(address: str):
    bomb = gzip.compress(b" " * (61 * 1024 * 1024))
    assert len(bomb) < 100_000
    with InferenceServerClient(address) as client:
        response = client._post(f"v2/models/{NAME}/infer", bomb, {"Content-Encoding": "gzip"}, None)
    assert response.status_code == 413


def test_numbers_json_has_no_word_for(client: InferenceServerClient):
    array = np.array([[np.nan, np.inf]], np.float32)
    back = client.infer(NAME, [given(array, "FP32")]).as_numpy("x")
    assert struct.pack("<2f", *back[0]) == array.tobytes()
    with pytest.raises(InferenceServerException, match="not finite"):
        client.infer(
            NAME, [given(array, "FP32")], outputs=[InferRequestedOutput("x", binary_data=False)]
        )
