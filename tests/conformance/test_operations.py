"""What every implementation of the Model seam keeps of the operations it declares."""

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    Encode,
    Infer,
    Message,
    Operation,
    Partial,
    Prefix,
    Sampling,
    Score,
    Step,
)
from modelnet.core.tensor import ITEM_BYTES, Tensor
from modelnet.resource.model import Model
from tests.conformance.models import IMPLEMENTATIONS, Implementation, text_of
from tests.conformance.test_model import answer, started

pytestmark = pytest.mark.anyio
PROMPT = "tell"
TOLERANCE = 2e-3
"""Of log-probabilities: engines sum in another order where a batch is larger."""


@pytest.fixture(params=IMPLEMENTATIONS, ids=lambda made: made.name)
def implementation(request: pytest.FixtureRequest) -> Implementation:
    return request.param


@pytest.fixture
async def model(implementation: Implementation, tmp_path: Path) -> AsyncIterator[Model]:
    async with started(implementation.make(tmp_path)) as running:
        yield running


def needs(model: Model, operation: Operation) -> None:
    if operation not in model.card.operations:
        pytest.skip(f"does not {operation}")


def prefixes(model: Model, begun: str = "") -> list[Prefix]:
    """Return a prefix of every kind the model takes."""
    partial = Partial(text=begun)
    made: list[Prefix] = []
    if "chat" in model.card.operations:
        made.append(Chat((Message("user", PROMPT),), partial=partial))
    if "complete" in model.card.operations:
        made.append(Complete(PROMPT, partial=partial))
    return made


async def only_chunk(model: Model, request: Step | Score | Embed | Encode | Infer) -> Chunk:
    """Return the one chunk of an answer that does not stream."""
    chunks = await answer(model, request)
    assert len(chunks) == 1
    assert chunks[0].finish == "stop"
    assert chunks[0].usage is not None
    return chunks[0]


async def test_step_tells_the_likely_tokens_best_first(model: Model):
    needs(model, "step")
    for prefix in prefixes(model):
        chunk = await only_chunk(model, Step(prefix, top_k=5))
        logprobs = [one.logprob for one in chunk.alternatives]
        assert 1 <= len(logprobs) <= 5
        assert logprobs == sorted(logprobs, reverse=True)
        assert all(logprob <= 0 for logprob in logprobs)
        assert sum(map(math.exp, logprobs)) <= 1 + TOLERANCE
        assert chunk.usage is not None
        assert chunk.usage.prompt_tokens > 0
        assert chunk.usage.completion_tokens == 0


async def test_steps_lead_where_the_answer_goes(model: Model):
    needs(model, "step")
    for kind, prefix in enumerate(prefixes(model)):
        whole = await _greedy(model, prefix)
        said = b""
        for _ in range(4):
            begun = prefixes(model, said.decode())[kind]
            said += (await only_chunk(model, Step(begun, top_k=1))).alternatives[0].bytes
            assert whole.encode().startswith(said)
        assert said


async def _greedy(model: Model, prefix: Prefix) -> str:
    sampling = Sampling(max_tokens=8, temperature=0.0)
    request = (
        Chat(prefix.messages, sampling)
        if isinstance(prefix, Chat)
        else Complete(prefix.prompt, sampling)
    )
    chunks = await answer(model, request)
    return "".join(chunk.reasoning for chunk in chunks) + text_of(chunks)


async def test_score_belongs_to_the_continuation_and_agrees_with_step(model: Model):
    needs(model, "score")
    for prefix in prefixes(model):
        continuation = "the fox and the crow"
        chunk = await only_chunk(model, Score(prefix, continuation))
        assert b"".join(token.bytes for token in chunk.tokens).decode() == continuation
        assert all(token.logprob <= 0 for token in chunk.tokens)
        if "step" not in model.card.operations:
            continue
        known = await _known(model, prefix)
        first = chunk.tokens[0]
        if first.bytes in known:
            assert first.logprob == pytest.approx(known[first.bytes], abs=TOLERANCE)


async def _known(model: Model, prefix: Prefix) -> dict[bytes, float]:
    """Return as many of the next tokens as the model tells: all, or the usual twenty."""
    try:
        told = await only_chunk(model, Step(prefix, top_k=300))
    except UnsupportedError:
        told = await only_chunk(model, Step(prefix, top_k=20))
    return {one.bytes: one.logprob for one in told.alternatives}


async def test_a_likely_continuation_scores_higher(model: Model):
    needs(model, "score")
    for prefix in prefixes(model):
        likely = await _greedy(model, prefix)
        scores = [
            sum(t.logprob for t in (await only_chunk(model, Score(prefix, text))).tokens)
            for text in (likely, "".join(reversed(likely)) + "!")
        ]
        assert scores[0] > scores[1]


async def test_embed_gives_a_vector_an_input(model: Model):
    needs(model, "embed")
    chunk = await only_chunk(model, Embed(("one", "another text", "one")))
    assert len(chunk.vectors) == 3
    floats = [memoryview(vector).cast("f").tolist() for vector in chunk.vectors]
    assert len({len(numbers) for numbers in floats}) == 1
    if model.card.embedding_size is not None:
        assert len(floats[0]) == model.card.embedding_size
    assert floats[0] == pytest.approx(floats[2], abs=1e-4)
    alone = await only_chunk(model, Embed(("another text",)))
    assert memoryview(alone.vectors[0]).cast("f").tolist() == pytest.approx(floats[1], abs=1e-4)
    assert floats[0] != pytest.approx(floats[1], abs=1e-4)
    assert chunk.usage is not None
    assert chunk.usage.prompt_tokens > 0


async def test_encode_gives_hidden_states_a_token(model: Model):
    needs(model, "encode")
    chunk = await only_chunk(model, Encode(("the fox", "the fox and the crow")))
    short, long = chunk.tensors
    for tensor in (short, long):
        assert tensor.datatype == "FP32"
        assert len(tensor.shape) == 2
        assert tensor.shape[1] == model.card.hidden_size
        tensor.check()
        assert all(map(math.isfinite, memoryview(tensor.data).cast("f").tolist()))
    assert 1 <= short.shape[0] < long.shape[0]
    # A causal model reads the beginning alike, whatever follows; others are excused.
    assert (await only_chunk(model, Encode(("the fox",)))).tensors[0].shape == short.shape


async def test_a_layer_the_model_has_not_is_refused(model: Model):
    needs(model, "encode")
    with pytest.raises((UnsupportedError, InvalidRequestError)):
        await answer(model, Encode(("the fox",), layer=1000))


async def test_infer_gives_what_the_card_says(model: Model, implementation: Implementation):
    needs(model, "infer")
    chunk = await only_chunk(model, implementation.infer)
    assert [tensor.name for tensor in chunk.tensors] == [spec.name for spec in model.card.outputs]
    for tensor, spec in zip(chunk.tensors, model.card.outputs, strict=True):
        tensor.check()
        assert spec.takes(tensor.spec)
    assert await only_chunk(model, implementation.infer) == chunk


async def test_infer_gives_only_the_outputs_asked_for(model: Model, implementation: Implementation):
    needs(model, "infer")
    last = model.card.outputs[-1].name
    chunk = await only_chunk(model, Infer(implementation.infer.inputs, (last,)))
    assert [tensor.name for tensor in chunk.tensors] == [last]


async def test_tensors_that_do_not_fit_are_refused(model: Model, implementation: Implementation):
    needs(model, "infer")
    good = implementation.infer.inputs[0]
    rest = implementation.infer.inputs[1:]
    bad = [
        Tensor("nobody knows me", *_parts(good)),
        Tensor(good.name, "FP64" if good.datatype != "FP64" else "FP32", good.shape, good.data),
        Tensor(good.name, good.datatype, (*good.shape, 1, 1), good.data),
        Tensor(good.name, good.datatype, good.shape, good.data[:-1]),
    ]
    for tensor in bad:
        with pytest.raises((UnsupportedError, InvalidRequestError)):
            await answer(model, Infer((tensor, *rest)))
    with pytest.raises((UnsupportedError, InvalidRequestError)):
        await answer(model, Infer(implementation.infer.inputs, ("nobody knows me",)))


def _parts(tensor: Tensor) -> tuple:
    return tensor.datatype, tensor.shape, tensor.data


def test_sizes_are_those_of_the_open_inference_protocol():
    assert ITEM_BYTES["BF16"] == 2
    assert "BYTES" not in ITEM_BYTES
