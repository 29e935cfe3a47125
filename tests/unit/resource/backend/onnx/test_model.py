"""Encoders: what their vectors are, how much they read, how askers share a run."""

import json
import sys
import time
from contextlib import aclosing

import anyio
import numpy as np
import pytest

from modelnet.core.error import (
    DeadlineError,
    InvalidRequestError,
    ModelFileError,
    SettingsError,
    UnsupportedError,
)
from modelnet.core.request import Embed, Encode, Infer
from modelnet.resource.backend.onnx import OnnxModel, encoder, model
from modelnet.resource.backend.typed.array import array_of
from tests.conformance.tiny_onnx import (
    HIDDEN,
    MAX_TOKENS,
    SLOW_WORD,
    write_tiny_encoder,
    write_tiny_onnx,
)
from tests.conformance.typed import infer_rows

pytestmark = pytest.mark.anyio
TEXTS = ("one", "another text", "the fox and the crow")


async def started(path, **options) -> OnnxModel:
    made = OnnxModel(path, **options)
    await made.start()
    return made


async def ask(made: OnnxModel, request, within_s: float = 10.0):
    async with aclosing(made.run(request, deadline=time.time() + within_s)) as chunks:
        (chunk,) = [chunk async for chunk in chunks]
    return chunk


async def vectors(made: OnnxModel, *texts: str) -> np.ndarray:
    chunk = await ask(made, Embed(texts))
    return np.array([np.frombuffer(vector, "<f4") for vector in chunk.vectors])


async def states(made: OnnxModel, *texts: str) -> list[np.ndarray]:
    return [array_of(tensor) for tensor in (await ask(made, Encode(texts))).tensors]


async def test_a_vector_is_the_mean_of_the_states(tmp_path):
    made = await started(write_tiny_encoder(tmp_path))
    told = await vectors(made, *TEXTS)
    meant = [one.mean(axis=0) for one in await states(made, *TEXTS)]
    np.testing.assert_allclose(told, meant, atol=1e-6)


async def test_or_the_first_state_brought_to_length_one_where_the_folder_says_so(tmp_path):
    folder = write_tiny_encoder(tmp_path, pooling="pooling_mode_cls_token", is_normalised=True)
    made = await started(folder)
    told = await vectors(made, *TEXTS)
    first = np.array([one[0] for one in await states(made, *TEXTS)])
    np.testing.assert_allclose(
        told, first / np.linalg.norm(first, axis=1, keepdims=True), atol=1e-6
    )


async def test_or_what_the_graph_itself_makes_of_the_text(tmp_path):
    made = await started(write_tiny_encoder(tmp_path, has_vector=True, is_normalised=True))
    told = await vectors(made, *TEXTS)
    assert told.shape == (3, HIDDEN)
    meant = [one.mean(axis=0) for one in await states(made, *TEXTS)]
    assert not np.allclose(told, meant, atol=1e-3)
    assert made.card.operations == ("infer", "embed", "encode")
    assert len((await ask(made, Encode(TEXTS))).tensors) == 3


@pytest.mark.parametrize("shape", [(1, "tokens"), ("texts", 6), (1, 6)])
async def test_graphs_of_one_text_or_one_width_answer_alike(tmp_path, shape):
    (tmp_path / "fixed").mkdir()
    fixed = await started(write_tiny_encoder(tmp_path / "fixed", shape=shape))
    (tmp_path / "free").mkdir()
    free = await started(write_tiny_encoder(tmp_path / "free"))
    short = TEXTS[:2]
    np.testing.assert_allclose(await vectors(fixed, *short), await vectors(free, *short), atol=1e-6)
    width = MAX_TOKENS if shape[1] == "tokens" else shape[1]
    assert fixed.card.context_length == width
    assert (await states(fixed, " ".join(["fox"] * 30)))[0].shape == (width, HIDDEN)


async def test_company_changes_nothing(tmp_path):
    made = await started(write_tiny_encoder(tmp_path))
    together = await vectors(made, *TEXTS)
    alone = np.concatenate([await vectors(made, text) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)


async def test_texts_run_apart_where_the_graph_has_no_mask(tmp_path):
    masked = await started(write_tiny_encoder(tmp_path))
    (tmp_path / "bare").mkdir()
    bare = await started(write_tiny_encoder(tmp_path / "bare", has_mask=False))
    np.testing.assert_allclose(
        await vectors(bare, *TEXTS), await vectors(masked, *TEXTS), atol=1e-6
    )


async def test_what_is_beyond_the_length_is_not_read_and_not_counted(tmp_path):
    made = await started(write_tiny_encoder(tmp_path))
    long = " ".join(["fox"] * 100)
    chunk = await ask(made, Embed((long, "one")))
    assert chunk.usage.prompt_tokens == MAX_TOKENS + 3
    (array, _) = await states(made, long, "one")
    assert array.shape == (MAX_TOKENS, HIDDEN)
    assert made.card.context_length == MAX_TOKENS


async def test_more_texts_than_a_run_holds_are_all_answered(tmp_path):
    made = await started(write_tiny_encoder(tmp_path))
    many = await vectors(made, *TEXTS * encoder.MAX_TEXTS)
    np.testing.assert_allclose(many[:3], many[-3:], atol=1e-6)
    assert len(many) == 3 * encoder.MAX_TEXTS


async def test_askers_at_once_share_runs_and_get_their_own(tmp_path):
    made = await started(write_tiny_encoder(tmp_path))
    expected = {text: (await vectors(made, text))[0] for text in TEXTS}
    seen: list[int] = []

    async def embed(text: str) -> None:
        np.testing.assert_allclose((await vectors(made, text))[0], expected[text], atol=1e-6)
        seen.append(1)

    async def encode(text: str) -> None:
        np.testing.assert_allclose(
            (await states(made, text))[0].mean(axis=0), expected[text], atol=1e-6
        )
        seen.append(1)

    async with anyio.create_task_group() as group:
        for text in TEXTS * 4:
            group.start_soon(embed, text)
            group.start_soon(encode, text)
    assert len(seen) == 24


async def test_a_layer_before_the_last_is_refused(tmp_path):
    made = await started(write_tiny_encoder(tmp_path))
    for layer in (0, 1):
        with pytest.raises(UnsupportedError, match="layer -1"):
            await ask(made, Encode(("one",), layer))


async def test_more_states_than_a_message_holds_are_refused(tmp_path, monkeypatch):
    made = await started(write_tiny_encoder(tmp_path))
    monkeypatch.setattr(encoder, "MAX_STATES_BYTES", 4 * HIDDEN * 5)
    assert len(await states(made, "another one two")) == 1
    with pytest.raises(InvalidRequestError, match="fewer texts"):
        await states(made, "another one two", "one")
    assert len(await vectors(made, "another one two", "one")) == 2


async def test_an_empty_text_has_the_tokens_its_tokenizer_gives_it(tmp_path):
    made = await started(write_tiny_encoder(tmp_path))
    assert (await states(made, ""))[0].shape == (2, HIDDEN)
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    tokenizer["post_processor"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    bare = await started(tmp_path)
    with pytest.raises(InvalidRequestError, match="no tokens"):
        await vectors(bare, "one", "")


async def test_a_slow_text_ends_with_its_deadline_and_leaves_the_others_alone(tmp_path):
    made = await started(write_tiny_encoder(tmp_path))
    async with anyio.create_task_group() as group:

        async def slow() -> None:
            with pytest.raises(DeadlineError):
                await ask(made, Embed((SLOW_WORD,)), within_s=0.2)

        group.start_soon(slow)
        while not made._readings.running:  # noqa: ASYNC110 - the engine tells nobody
            await anyio.sleep(0.001)
        assert len(await vectors(made, "one")) == 1


async def test_a_folder_without_a_known_pooling_encodes_but_does_not_embed(tmp_path):
    made = await started(write_tiny_encoder(tmp_path, pooling="pooling_mode_weightedmean_tokens"))
    assert made.card.operations == ("infer", "encode")
    assert made.card.embedding_size is None


async def test_a_folder_without_a_tokenizer_is_a_graph(tmp_path):
    write_tiny_encoder(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    assert (await started(tmp_path)).card.operations == ("infer",)


async def test_a_graph_that_reads_no_tokens_is_a_graph(tmp_path):
    write_tiny_encoder(tmp_path)
    write_tiny_onnx(tmp_path / "model.onnx")
    assert (await started(tmp_path)).card.operations == ("infer",)


async def test_names_are_those_of_the_file_or_the_folder(tmp_path):
    (tmp_path / "mini-v1.5").mkdir()
    assert (await started(write_tiny_encoder(tmp_path / "mini-v1.5"))).card.name == "mini-v1.5"
    graph = write_tiny_onnx(tmp_path / "rows.v2.onnx")
    assert (await started(graph)).card.name == "rows.v2"
    assert (await started(graph, name="mine")).card.name == "mine"


async def test_licences_are_told(tmp_path):
    (tmp_path / "encoder").mkdir()
    assert (await started(write_tiny_encoder(tmp_path / "encoder"))).card.licence == "mit"
    assert (await started(write_tiny_onnx(tmp_path / "a.onnx"))).card.licence == "Apache-2.0"


async def test_a_broken_tokenizer_is_named(tmp_path):
    write_tiny_encoder(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelFileError, match=r"tokenizer\.json"):
        await started(tmp_path)


async def test_a_missing_package_is_told_with_what_installs_it(tmp_path, monkeypatch):
    write_tiny_encoder(tmp_path)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(SettingsError, match=r"pip install .*onnx"):
        await started(tmp_path)


async def test_a_tokenizer_of_another_model_is_told(tmp_path):
    write_tiny_encoder(tmp_path)
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] = {
        word: place + 1000 for word, place in tokenizer["model"]["vocab"].items()
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelFileError, match="does not read what"):
        await started(tmp_path)


async def test_rows_that_depend_on_each_other_never_share_a_run(tmp_path):
    apart = await started(write_tiny_onnx(tmp_path / "apart.onnx"))
    joint = await started(write_tiny_onnx(tmp_path / "joint.onnx", is_joint=True))
    assert apart.card.parallel > joint.card.parallel

    async def together(made: OnnxModel, requests: list[Infer]) -> list[list[float]]:
        answers: dict[int, list[float]] = {}

        async def one(place: int, request: Infer) -> None:
            answers[place] = array_of((await ask(made, request)).tensors[0]).tolist()

        async with anyio.create_task_group() as group:
            for place, request in enumerate(requests):
                group.start_soon(one, place, request)
        return [answers[place] for place in range(len(requests))]

    requests = [infer_rows([-1.0, -2.0, float(-place)]) for place in range(8)]
    for made in (apart, joint):
        alone = [array_of((await ask(made, one)).tensors[0]).tolist() for one in requests]
        np.testing.assert_allclose(await together(made, requests), alone, atol=1e-6)


async def test_a_graph_that_goes_round_for_ever_is_tried_for_a_while_and_then_believed(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(model, "PROBE_S", 0.1)
    made = await started(write_tiny_onnx(tmp_path / "endless.onnx", is_endless=True))
    assert made.card.parallel == model.WORKERS
    with pytest.raises(DeadlineError):
        await ask(made, infer_rows([0.0, 0.0, 0.0]), within_s=0.1)
    await made.stop()
