"""llama.cpp with real weights: embedded and as a server, they tell the same."""

import json
import math
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from modelnet.core.chunk import Chunk, ToolCall
from modelnet.core.error import (
    ContextTooLongError,
    DeadlineError,
    EngineError,
    InvalidRequestError,
    SettingsError,
    UnsupportedError,
)
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    Encode,
    Message,
    Partial,
    Request,
    Sampling,
    Score,
    Step,
)
from modelnet.resource.backend.embedded import Claims, EmbeddedModel
from modelnet.resource.backend.llama import LlamaModel, llama_endpoint
from modelnet.resource.model import Model
from modelnet.resource.zoo import FOLDER, zoo_model
from tests.conformance.spelling_gguf import CALLING_TEMPLATE, CALLS, write_spelling_gguf
from tests.conformance.tiny_gguf import write_tiny_gguf

pytestmark = [pytest.mark.anyio, pytest.mark.live]
QUESTION = "What is 123 plus 456?"
GREEDY = Sampling(temperature=0.0)
LOOK: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Look there.",
        "parameters": {
            "type": "object",
            "properties": {"at": {"type": "boolean"}},
            "required": ["at"],
        },
    },
}

QUANTIZED = 0.15
"""Between log-probabilities of one token of a zoo model: 8-bit kernels sum by the batch."""


def server(path: Path, **options: Any) -> Any:
    """Return llama.cpp's own HTTP server, running at its `listening_address`."""
    import xllamacpp

    params: Any = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.verbosity = -1
    params.port = 0
    params.endpoint_metrics = True
    params.n_parallel = 2
    params.n_ctx = 2 * 256
    params.cpuparams.n_threads = 1
    for name, value in options.items():
        setattr(params, name, value)
    made: Any = xllamacpp.Server(params)
    made.handle_metrics()  # Its loop runs: closing it before then hangs.
    return made


@asynccontextmanager
async def running(model: Model) -> AsyncIterator[Model]:
    await model.start()
    try:
        yield model
    finally:
        await model.stop()


@asynccontextmanager
async def served(path: Path, **options: Any) -> AsyncIterator[LlamaModel]:
    """Run a server, and the model in front of it."""
    behind = server(path, **options)
    model = LlamaModel(llama_endpoint(str(behind.listening_address)))
    async with running(model):
        yield model
    del behind


@pytest.fixture(params=["embedded", "server"])
async def general(request: pytest.FixtureRequest) -> AsyncIterator[Model]:
    if request.param == "embedded":
        async with running(zoo_model("general")) as model:
            yield model
    else:
        async with served(FOLDER / "general.gguf", embedding=True) as model:
            yield model


@pytest.fixture(params=["embedded", "server"])
async def caller(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Model]:
    path = write_spelling_gguf(tmp_path / "caller.gguf", CALLS, CALLING_TEMPLATE)
    if request.param == "embedded":
        async with running(EmbeddedModel(path, Claims(temperature=0.0))) as model:
            yield model
    else:
        async with served(path, n_ctx=4096) as model:
            yield model


async def hear(model: Model, request: Request, within_s: float = 20.0) -> list[Chunk]:
    async with aclosing(model.run(request, deadline=time.time() + within_s)) as chunks:
        return [chunk async for chunk in chunks]


async def only(model: Model, request: Request) -> Chunk:
    (chunk,) = await hear(model, request)
    return chunk


def ask(prompt: str, begun: Partial | None = None, sampling: Sampling = GREEDY) -> Chat:
    return Chat((Message("user", prompt),), sampling, begun or Partial())


async def test_the_probe_sees_what_the_server_can_do():
    async with served(FOLDER / "calc.gguf") as model:
        card = model.card
        assert card.name == "calc"
        assert card.operations == ("chat", "complete", "step", "score")
        assert (card.parallel, card.context_length, card.parameters) == (2, 256, 680704)
        assert card.has_logprobs
        assert card.has_schema
        assert not card.has_tools
        assert not card.has_vision
        with pytest.raises(UnsupportedError):
            await hear(model, Encode(("a",)))


async def test_a_server_started_for_embeddings_tells_hidden_states_too():
    async with served(FOLDER / "calc.gguf", embedding=True) as model:
        assert model.card.operations == ("chat", "complete", "step", "score", "encode")
        assert model.card.hidden_size == 128


async def test_a_server_of_an_embedder_embeds(tmp_path: Path):
    path = write_tiny_gguf(tmp_path / "e.gguf", is_embedder=True)
    inputs = ("first", "the second is longer", "third")
    async with served(path, embedding=True, kv_unified=True) as model:
        assert model.card.operations == ("embed",)
        assert model.card.embedding_size == 32
        chunk = await only(model, Embed(inputs))
        for text, vector in zip(inputs, chunk.vectors, strict=True):
            alone = (await only(model, Embed((text,)))).vectors[0]
            assert numbers(vector) == pytest.approx(numbers(alone), abs=1e-4)
        async with running(EmbeddedModel(path)) as embedded:
            told = (await only(embedded, Embed(inputs))).vectors
        for one, another in zip(chunk.vectors, told, strict=True):
            assert numbers(one) == pytest.approx(numbers(another), abs=1e-4)


def numbers(vector: bytes) -> list[float]:
    return memoryview(vector).cast("f").tolist()


async def test_a_server_that_mixes_up_inputs_is_told_how_to_start(tmp_path: Path):
    path = write_tiny_gguf(tmp_path / "e.gguf", is_embedder=True)
    behind = server(path, embedding=True, kv_unified=False)
    with pytest.raises(EngineError, match="--kv-unified"):
        await LlamaModel(llama_endpoint(str(behind.listening_address))).start()


async def test_a_model_the_server_has_not_is_refused():
    behind = server(FOLDER / "calc.gguf")
    with pytest.raises(SettingsError, match=r"calc\.gguf"):
        await LlamaModel(llama_endpoint(f"{behind.listening_address}#other")).start()


async def test_a_server_that_wants_a_key_gets_it_and_no_error_tells_it(
    monkeypatch: pytest.MonkeyPatch,
):
    behind = server(FOLDER / "calc.gguf", api_keys=["very-secret"])
    endpoint = llama_endpoint(str(behind.listening_address))
    with pytest.raises(EngineError):
        await LlamaModel(endpoint).start()
    monkeypatch.setenv("MODELNET_KEY_127_0_0_1", "very-secret")
    async with running(LlamaModel(endpoint)) as model:
        assert "very-secret" not in repr(model) + str(vars(model).get("_card"))
        assert "".join(c.text for c in await hear(model, ask(QUESTION))) == "579"


async def told(model: Model, request: Step) -> dict[bytes, float]:
    return {one.bytes: one.logprob for one in (await only(model, request)).alternatives}


async def test_a_step_tells_the_whole_vocabulary(general: Model):
    for top_k in (1000, 1 << 18):
        chunk = await only(general, Step(Complete("1+2="), top_k))
        assert len(chunk.alternatives) == 260
        p_all = math.fsum(math.exp(one.logprob) for one in chunk.alternatives)
        assert p_all == pytest.approx(1.0, abs=1e-4)
        assert [one for one in chunk.alternatives if not one.bytes]


async def test_embedded_and_server_tell_the_same_steps_and_scores():
    async with running(zoo_model("calc")) as here, served(FOLDER / "calc.gguf") as there:
        for begun in (Partial(), Partial(reasoning="97"), Partial("57", "975")):
            step = Step(ask(QUESTION, begun), 20)
            mine, other = await told(here, step), await told(there, step)
            assert next(iter(mine)) == next(iter(other))
            for raw in list(mine)[:3]:
                assert mine[raw] == pytest.approx(other[raw], abs=QUANTIZED)
            score = Score(ask(QUESTION, begun), "579 and more")
            pairs = zip(
                (await only(here, score)).tokens, (await only(there, score)).tokens, strict=True
            )
            for one, another in pairs:
                assert one.bytes == another.bytes
                assert one.logprob == pytest.approx(another.logprob, abs=QUANTIZED)


async def test_steps_spell_the_answer_with_its_reasoning():
    async with running(zoo_model("calc")) as model:
        whole = await hear(model, ask(QUESTION))
        raw = b"<think>%b</think>%b" % (
            "".join(chunk.reasoning for chunk in whole).encode(),
            "".join(chunk.text for chunk in whole).encode(),
        )
        spelled = b""
        while best := (await only(model, after(spelled.decode()))).alternatives[0].bytes:
            spelled += best
        assert spelled == raw
        apart = Step(ask(QUESTION, Partial("57", "975")), 1)
        joined = after("<think>975</think>57")
        assert await told(model, apart) == pytest.approx(await told(model, joined), abs=QUANTIZED)


def after(raw: str) -> Step:
    """What comes after an answer whose reasoning was not told apart."""
    return Step(ask(QUESTION, Partial(raw)), 1)


async def test_a_score_agrees_with_the_answer_it_is_of(general: Model):
    """What is drawn at temperature 0 has the log-probability that scoring it tells."""
    prompt = "What is the capital of France?\n"
    sampling = Sampling(max_tokens=20, temperature=0.0, top_logprobs=0)
    chunks = await hear(general, Complete(prompt, sampling))
    drawn = [token for chunk in chunks for token in chunk.tokens]
    text = "".join(chunk.text for chunk in chunks)
    scored = (await only(general, Score(Complete(prompt), text))).tokens
    assert [token.bytes for token in scored] == [token.bytes for token in drawn]
    for one, another in zip(scored, drawn, strict=True):
        assert one.logprob == pytest.approx(another.logprob, abs=QUANTIZED)


@pytest.mark.parametrize("text", ["é", "€ 5", "naïve 😀!", "\U0001f600\U0001f600"])
async def test_characters_of_several_tokens_are_scored_whole(general: Model, text: str):
    prefix = Complete("What is this: ")
    chunk = await only(general, Score(prefix, text))
    assert b"".join(token.bytes for token in chunk.tokens) == text.encode()
    assert len(chunk.tokens) == len(text.encode())
    likely = await told(general, Step(prefix, 1000))
    assert chunk.tokens[0].logprob == pytest.approx(likely[chunk.tokens[0].bytes], abs=QUANTIZED)


async def test_a_token_across_the_boundary_does_not_shift_it():
    async with running(zoo_model("calc")) as model:
        for cut in range(1, len(QUESTION)):
            prefix, rest = Complete(QUESTION[:cut]), QUESTION[cut:]
            chunk = await only(model, Score(prefix, rest))
            assert b"".join(token.bytes for token in chunk.tokens).decode() == rest
            likely = await told(model, Step(prefix, 1000))
            first = chunk.tokens[0]
            assert first.logprob == pytest.approx(likely[first.bytes], abs=QUANTIZED)


async def test_prefixes_that_cannot_be_read_are_refused(general: Model):
    form = {"type": "json_object"}
    held = Chat((Message("user", "a"),), response_format=form)
    for request in (Step(held), Score(held, "a")):
        with pytest.raises(UnsupportedError):
            await hear(general, request)
    for request in (Step(Complete("")), Score(Complete(""), "a")):
        with pytest.raises(InvalidRequestError):
            await hear(general, request)
    long = "a" * 300
    for request in (Step(Complete(long)), Score(Complete("a"), long), Encode((long,))):
        with pytest.raises(ContextTooLongError):
            await hear(general, request)
    assert len((await only(general, Score(Complete("a"), "b" * 200))).tokens) == 200


async def test_hidden_states_follow_what_was_read(general: Model):
    chunk = await only(general, Encode(("the fox", "the fox and", "the fox")))
    one, more, again = (memoryview(t.data).cast("f").tolist() for t in chunk.tensors)
    assert chunk.tensors[0].shape == (7, 256)
    assert one == pytest.approx(again, abs=0.2)
    # A causal model reads the beginning alike, whatever follows.
    assert one == pytest.approx(more[: len(one)], abs=0.2)
    assert math.hypot(*one[:256]) > 1.5


async def test_a_model_is_asked_for_everything_at_once(general: Model):
    """Answers, steps, scores and hidden states share the places, and stay what they are alone."""
    chat = ask("What is the capital of France?")
    requests: list[Request] = [chat, Step(chat, 3), Score(chat, "Paris"), Encode(("the fox",))] * 4
    alone = [gist(await hear(general, request)) for request in requests[:4]] * 4
    together: list[Any] = [None] * len(requests)

    async def one(place: int) -> None:
        together[place] = gist(await hear(general, requests[place]))

    async with anyio.create_task_group() as group:
        for place in range(len(requests)):
            group.start_soon(one, place)
    assert together == alone


def gist(chunks: list[Chunk]) -> Any:
    text = "".join(chunk.text for chunk in chunks)
    best = [one.bytes for one in chunks[-1].alternatives[:1]]
    scored = [token.bytes for token in chunks[-1].tokens]
    return text, best, scored, [tensor.shape for tensor in chunks[-1].tensors]


async def test_a_score_ends_with_its_deadline_or_its_model(general: Model):
    request = Score(Complete("a"), "b" * 200)
    with pytest.raises(DeadlineError):
        await hear(general, request, within_s=0.01)
    failed: list[BaseException] = []

    async def ask_on() -> None:
        try:
            while True:
                await hear(general, request)
        except EngineError as error:
            failed.append(error)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(ask_on)
            await anyio.wait_all_tasks_blocked()
            await general.stop()
    assert failed


async def test_a_tool_is_called_and_its_answer_read(caller: Model):
    assert caller.card.has_tools
    messages = (Message("user", "hi"),)
    for choice in ("auto", "required", "look"):
        chat = Chat(messages, GREEDY, tools=(LOOK,), tool_choice=choice)
        last = (await hear(caller, chat))[-1]
        assert last.finish == "tool_calls"
        (call,) = last.tool_calls
        assert call.name == "look"
        assert json.loads(call.arguments) in ({"at": True}, {"at": False})
        assert last.usage is not None
        assert last.usage.completion_tokens > 20
    answered = (
        *messages,
        Message("assistant", tool_calls=(call,)),
        Message("tool", "seen", tool_call_id=call.id),
    )
    (chunk,) = await hear(caller, Score(Chat(answered), "a"))
    read = chunk.usage
    assert read is not None
    (shorter,) = await hear(caller, Score(Chat(messages), "a"))
    assert shorter.usage is not None
    assert read.prompt_tokens > shorter.usage.prompt_tokens + len("look") + len("seen")


async def test_an_answer_with_tools_that_was_begun_is_not_begun_anew(caller: Model):
    begun = Chat((Message("user", "hi"),), GREEDY, Partial("a"), (LOOK,))
    with pytest.raises(UnsupportedError):
        await hear(caller, begun)
    # A step has no need to go on by itself.
    assert (await only(caller, Step(begun, 1))).alternatives


async def test_tools_that_are_none_are_refused(caller: Model):
    chat = Chat((Message("user", "hi"),), GREEDY, tools=({"type": "nonsense"},))
    with pytest.raises((InvalidRequestError, EngineError)):
        await hear(caller, chat)
    with pytest.raises(InvalidRequestError):
        await hear(caller, Chat((Message("user", "hi"),), tools=(LOOK,), tool_choice="run"))


@pytest.mark.parametrize("pattern", ["^((((a?){50}){50}){50}){50}b$", None])
async def test_tools_that_would_stop_the_engine_are_refused(caller: Model, pattern: str | None):
    part = {"$ref": "#/$defs/part"}
    alike = [{"type": "array", "items": part, "maxItems": size} for size in (7, 8, 9)]
    parameters = {
        "type": "object",
        "properties": {"at": {"type": "string", "pattern": pattern} if pattern else part},
        "required": ["at"],
        "$defs": {"part": {"anyOf": [*alike, {"type": "boolean"}]}},
    }
    heavy = {"type": "function", "function": {"name": "look", "parameters": parameters}}
    messages = (Message("user", "hi"),)
    for choice in ("auto", "required"):
        chat = Chat(messages, GREEDY, tools=(heavy,), tool_choice=choice)
        with pytest.raises(InvalidRequestError):
            await hear(caller, chat)
    light = Chat(messages, GREEDY, tools=(LOOK,), tool_choice="required")
    assert (await hear(caller, light))[-1].tool_calls


async def test_calls_a_template_would_leave_out_are_refused(general: Model):
    call = ToolCall("x", "look", "{}")
    for message in (Message("assistant", tool_calls=(call,)), Message("tool", "seen")):
        for request in (Chat((message,)), Step(Chat((message,)))):
            with pytest.raises(UnsupportedError):
                await hear(general, request)
