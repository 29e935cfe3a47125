"""OllamaModel in front of the stand-in for Ollama, behind which llama.cpp runs real models."""

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from modelnet.core.chunk import Chunk, ToolCall
from modelnet.core.error import (
    ContextTooLongError,
    EngineError,
    InvalidRequestError,
    SettingsError,
    UnsupportedError,
)
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    ImagePart,
    ImageUrl,
    Message,
    Partial,
    Request,
    Sampling,
    Step,
    TextPart,
)
from modelnet.resource.backend.ollama import OllamaModel, ollama_endpoint
from modelnet.resource.model import Model
from modelnet.resource.zoo import FOLDER, zoo_model
from modelnet.testbed.standin.ollama import OllamaStandIn, Served
from modelnet.testbed.standin.service import STAND_IN
from tests.conformance.tiny_gguf import TOOL_TEMPLATE, write_tiny_gguf

pytestmark = [pytest.mark.anyio, pytest.mark.live]
GREEDY = Sampling(max_tokens=64, temperature=0.0)
QUESTION = (Message("user", "What is 123 plus 456?"),)
LOOK = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Look somewhere.",
        "parameters": {
            "type": "object",
            "properties": {"where": {"enum": ["up", "down"]}, "deep": {"type": "boolean"}},
        },
    },
}
PIXEL = base64.b64encode(b"not quite a picture").decode()


async def hear(model: Model, request: Request) -> list[Chunk]:
    async with aclosing(model.run(request, deadline=time.time() + 20)) as chunks:
        return [chunk async for chunk in chunks]


def heard(chunks: list[Chunk]) -> tuple[str, str]:
    return "".join(c.reasoning for c in chunks), "".join(c.text for c in chunks)


@asynccontextmanager
async def connected(server: OllamaStandIn, model: str) -> AsyncIterator[OllamaModel]:
    made = OllamaModel(ollama_endpoint(f"{server.url}#{model}"), environment={})
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def serving(served: Served, version: str | None = None) -> AsyncIterator[OllamaModel]:
    options = {} if version is None else {"version": version}
    async with (
        OllamaStandIn([served], **options) as server,
        connected(server, served.name) as model,
    ):
        yield model


@pytest.fixture
async def calc() -> AsyncIterator[OllamaModel]:
    async with serving(Served("calc", FOLDER / "calc.gguf")) as model:
        yield model


@pytest.fixture
def tooled(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "tooled.gguf", template=TOOL_TEMPLATE)


async def test_the_card_says_what_was_probed(calc: Model):
    card = calc.card
    assert card.name == "calc:latest"
    assert card.operations == ("chat", "complete", "step")
    assert card.engine == "ollama"
    assert card.has_logprobs
    assert card.has_schema
    assert card.can_continue
    assert not card.has_tools
    assert not card.has_vision
    assert card.parallel == 1
    assert card.parameters is not None
    assert card.parameters > 100_000
    assert "llama" in card.description


async def test_it_answers_as_the_embedded_engine_does(calc: Model):
    embedded = zoo_model("calc")
    await embedded.start()
    for question in ("What is 123 plus 456?", "Compute 12 times 7.", "700-58="):
        request = Chat((Message("user", question),), GREEDY)
        assert heard(await hear(calc, request)) == heard(await hear(embedded, request))
    await embedded.stop()


async def test_thought_that_ollama_tells_apart_is_the_same_thought(calc: Model):
    request = Chat(QUESTION, GREEDY)
    alone = heard(await hear(calc, request))
    async with serving(Served("calc", FOLDER / "calc.gguf", thinks=True)) as thinker:
        told = heard(await hear(thinker, request))
        assert told == alone
        assert all(told)
        assert heard(await hear(thinker, Complete("1+1", GREEDY)))[0] == ""


async def test_an_answer_cut_anywhere_is_continued_exactly(calc: Model):
    whole = await hear(calc, Chat(QUESTION, GREEDY))
    reasoning, text = heard(whole)
    for count in range(1, len(whole)):
        begun_reasoning, begun_text = heard(whole[:count])
        begun = Partial(begun_text, begun_reasoning)
        more_reasoning, more_text = heard(await hear(calc, Chat(QUESTION, GREEDY, begun)))
        assert (begun_reasoning + more_reasoning, begun_text + more_text) == (reasoning, text)


async def test_a_thinker_goes_on_with_text_and_never_thinks_twice():
    async with serving(Served("calc", FOLDER / "calc.gguf", thinks=True)) as model:
        reasoning, text = heard(await hear(model, Chat(QUESTION, GREEDY)))
        begun = Partial(text[:1], reasoning)
        assert heard(await hear(model, Chat(QUESTION, GREEDY, begun))) == ("", text[1:])
        anew = await hear(model, Chat(QUESTION, GREEDY, Partial("", reasoning[:3])))
        assert heard(anew)[0] == ""
        assert heard(anew)[1]


async def test_what_does_not_fit_is_refused_not_cut(tmp_path: Path, calc: Model):
    with pytest.raises(ContextTooLongError):
        await hear(calc, Chat((Message("user", "1 plus " * 5000),), GREEDY))
    with pytest.raises(ContextTooLongError):
        await hear(calc, Complete("1 plus " * 5000, GREEDY))
    path = write_tiny_gguf(tmp_path / "e.gguf", is_embedder=True, context_length=256)
    async with serving(Served("e", path)) as embedder:
        with pytest.raises(ContextTooLongError):
            await hear(embedder, Embed(("a" * 5000,)))


async def test_an_empty_prompt_is_refused_where_ollama_would_only_load(calc: Model):
    with pytest.raises(InvalidRequestError):
        await hear(calc, Complete("", GREEDY))


async def test_seeds_hold(calc: Model):
    drawn = [Sampling(max_tokens=24, temperature=1.0, seed=seed) for seed in (1, 1, 2)]
    said = [heard(await hear(calc, Complete("1", sampling))) for sampling in drawn]
    assert said[0] == said[1]
    assert said[0] != said[2]


async def test_a_tool_is_called_whole_and_its_result_read(tooled: Path):
    async with serving(Served("tooled", tooled)) as model:
        assert model.card.has_tools
        ask = Message("user", "look")
        chunks = await hear(model, Chat((ask,), GREEDY, tools=(LOOK,)))
        assert chunks[-1].finish == "tool_calls"
        (call,) = chunks[-1].tool_calls
        assert call.name == "look"
        assert json.loads(call.arguments)["where"] in {"up", "down"}
        turns = (
            ask,
            Message("assistant", "", tool_calls=(call,)),
            Message("tool", "a crow", tool_call_id=call.id),
        )
        after = await hear(model, Chat(turns, GREEDY, tools=(LOOK,)))
        assert after[-1].finish == "length"
        assert heard(after)[1]
        with pytest.raises(UnsupportedError):
            await hear(model, Chat((ask,), GREEDY, tools=(LOOK,), tool_choice="look"))
        broken = Message("assistant", "", tool_calls=(ToolCall("1", "look", "[}"),))
        with pytest.raises(InvalidRequestError):
            await hear(model, Chat((ask, broken), GREEDY, tools=(LOOK,)))


async def test_an_answer_holds_to_its_schema(calc: Model):
    schema = LOOK["function"]["parameters"]
    wanted = {"type": "json_schema", "json_schema": {"name": "look", "schema": schema}}
    chunks = await hear(calc, Chat(QUESTION, GREEDY, response_format=wanted))
    assert set(json.loads(heard(chunks)[1])) == {"where", "deep"}
    begun = Chat(QUESTION, GREEDY, Partial("{"), response_format=wanted)
    with pytest.raises(UnsupportedError):
        await hear(calc, begun)


async def test_images_travel_in_the_request_alone(tooled: Path):
    def showing(url: str) -> Chat:
        image = ImagePart(ImageUrl(url))
        return Chat((Message("user", (TextPart("What is it?"), image)),), GREEDY)

    async with serving(Served("eye", tooled, sees=True)) as model:
        assert model.card.has_vision
        chunks = await hear(model, showing(f"data:image/png;base64,{PIXEL}"))
        # The stand-in writes what it saw in place of the image: so it came.
        plain = f"[an image of {len(base64.b64decode(PIXEL))} bytes]What is it?"
        told = await hear(model, Chat((Message("user", plain),), GREEDY))
        assert heard(chunks) == heard(told)
        with pytest.raises(UnsupportedError):
            await hear(model, showing("https://example.invalid/a.png"))
        with pytest.raises(InvalidRequestError):
            await hear(model, showing("data:image/png;base64,no base64"))


async def test_vectors_of_any_version(tmp_path: Path):
    served = Served("e", write_tiny_gguf(tmp_path / "e.gguf", is_embedder=True))
    vectors = []
    for version in ("0.33.0", "0.1.30"):
        async with serving(served, version) as model:
            assert model.card.operations == ("embed",)
            assert model.card.embedding_size == 32
            (chunk,) = await hear(model, Embed(("a fox", "a crow")))
            assert chunk.usage.prompt_tokens > 0
            vectors.append([memoryview(one).cast("f").tolist() for one in chunk.vectors])
    assert vectors[0][0] == pytest.approx(vectors[1][0], abs=1e-4)
    assert vectors[0][1] == pytest.approx(vectors[1][1], abs=1e-4)
    assert vectors[0][0] != pytest.approx(vectors[0][1], abs=1e-4)


@pytest.mark.parametrize(
    ("version", "has_schema", "can_continue", "has_logprobs"),
    [("0.1.30", False, False, False), ("0.9.0", True, False, False), ("0.12.11", True, True, True)],
)
async def test_an_older_version_has_less(version, has_schema, can_continue, has_logprobs):
    async with serving(Served("calc", FOLDER / "calc.gguf"), version) as model:
        card = model.card
        assert "chat" in card.operations
        assert "complete" in card.operations
        found = card.has_schema, card.can_continue, card.has_logprobs
        assert found == (has_schema, can_continue, has_logprobs)
        assert ("step" in card.operations) == has_logprobs
        assert heard(await hear(model, Chat(QUESTION, GREEDY)))[1]
        if not can_continue:
            with pytest.raises(UnsupportedError):
                await hear(model, Chat(QUESTION, GREEDY, Partial("5")))


async def test_a_missing_model_is_told_how_to_get_it():
    async with OllamaStandIn([Served("calc", FOLDER / "calc.gguf")]) as server:
        missing = OllamaModel(ollama_endpoint(f"{server.url}#llama3.2"))
        with pytest.raises(SettingsError, match=r"calc:latest.*ollama pull llama3\.2"):
            await missing.start()
        only = OllamaModel(ollama_endpoint(server.url))
        await only.start()
        assert only.card.name == "calc:latest"
        await only.stop()


async def test_a_model_that_is_deleted_fails_and_the_others_live():
    two = [Served("calc", FOLDER / "calc.gguf"), Served("other", FOLDER / "calc.gguf")]
    async with (
        OllamaStandIn(two) as server,
        connected(server, "calc") as calc,
        connected(server, "other") as other,
        aiohttp.ClientSession() as session,
    ):
        async with session.delete(f"{server.url}/api/delete", json={"model": "calc"}) as response:
            assert response.status == 200
            assert response.headers[STAND_IN] == "ollama"
        for request in (Chat(QUESTION, GREEDY), Step(Chat(QUESTION))):
            with pytest.raises(EngineError, match="not found"):
                await hear(calc, request)
        assert any(heard(await hear(other, Chat(QUESTION, GREEDY))))


async def test_a_server_that_restarts_is_asked_again():
    served = Served("calc", FOLDER / "calc.gguf")
    server = OllamaStandIn([served])
    await server.start()
    port = int(server.url.rpartition(":")[2])
    async with connected(server, "calc") as model:
        before = heard(await hear(model, Chat(QUESTION, GREEDY)))
        await server.stop()
        with pytest.raises(EngineError, match="cannot be reached"):
            await hear(model, Chat(QUESTION, GREEDY))
        async with OllamaStandIn([served], port=port):
            assert heard(await hear(model, Chat(QUESTION, GREEDY))) == before
