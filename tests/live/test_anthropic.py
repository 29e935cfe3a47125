"""AnthropicModel in front of its stand-in, and of llama.cpp's own idea of the Messages API."""

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from modelnet.core.card import Price
from modelnet.core.chunk import Chunk
from modelnet.core.error import (
    ContextTooLongError,
    EngineError,
    InvalidRequestError,
    OverloadedError,
    SettingsError,
    UnsupportedError,
)
from modelnet.core.request import (
    Chat,
    ImagePart,
    ImageUrl,
    Message,
    Partial,
    Request,
    Sampling,
    TextPart,
)
from modelnet.resource.backend.anthropic import AnthropicModel, anthropic_endpoint
from modelnet.resource.model import Model
from modelnet.resource.zoo import FOLDER, zoo_model
from modelnet.testbed.standin.anthropic import AnthropicStandIn, Served
from modelnet.testbed.standin.anthropic.answered import REFUSED
from modelnet.testbed.standin.anthropic.server import RETRY_AFTER_S
from tests.conformance.models import llama_server
from tests.conformance.tiny_gguf import TOOL_TEMPLATE, write_tiny_gguf

pytestmark = [pytest.mark.anyio, pytest.mark.live]
KEY = "sk-live-1"
GREEDY = Sampling(max_tokens=64, temperature=0.0)
QUESTION = (Message("user", "What is 123 plus 456?"),)
LOOK = {
    "type": "function",
    "function": {
        "name": "look",
        "parameters": {
            "type": "object",
            "properties": {"where": {"enum": ["up", "down"]}, "deep": {"type": "boolean"}},
        },
    },
}
SEEK = {"type": "function", "function": {"name": "seek", "description": "Seek."}}


async def hear(model: Model, request: Request) -> list[Chunk]:
    async with aclosing(model.run(request, deadline=time.time() + 20)) as chunks:
        return [chunk async for chunk in chunks]


def heard(chunks: list[Chunk]) -> tuple[str, str]:
    return "".join(c.reasoning for c in chunks), "".join(c.text for c in chunks)


def at(url: str, key: str = KEY, **options: Any) -> AnthropicModel:
    endpoint = anthropic_endpoint(f"{url};key=KEY_HERE" if "#" in url else f"{url}#;key=KEY_HERE")
    return AnthropicModel(endpoint, environment={"KEY_HERE": key}, **options)


@asynccontextmanager
async def running(model: AnthropicModel) -> AsyncIterator[AnthropicModel]:
    await model.start()
    yield model
    await model.stop()


@asynccontextmanager
async def serving(served: Served) -> AsyncIterator[AnthropicModel]:
    async with (
        AnthropicStandIn([served], key=KEY) as server,
        running(at(f"{server.url}#{served.name}")) as model,
    ):
        yield model


@pytest.fixture
async def calc() -> AsyncIterator[AnthropicModel]:
    async with serving(Served("calc", FOLDER / "calc.gguf", thinks=True)) as model:
        yield model


@pytest.fixture
def tooled(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "tooled.gguf", template=TOOL_TEMPLATE)


async def test_the_card_says_what_was_told_and_tried(calc: Model, tooled: Path):
    card = calc.card
    assert card.name == "calc"
    assert card.operations == ("chat",)
    assert card.engine == "anthropic"
    assert card.context_length
    assert card.can_continue
    assert card.has_schema
    assert not card.has_tools
    assert not card.has_vision
    assert not card.has_logprobs
    assert card.price == Price()
    async with serving(Served("eye", tooled, sees=True)) as model:
        assert model.card.has_tools
        assert model.card.has_vision


async def test_it_thinks_and_answers_as_the_embedded_engine_does(calc: Model):
    embedded = zoo_model("calc")
    await embedded.start()
    for question in ("What is 123 plus 456?", "Compute 12 times 7.", "700-58="):
        request = Chat((Message("user", question),), GREEDY)
        told = heard(await hear(calc, request))
        assert told == heard(await hear(embedded, request))
        assert all(told)
    await embedded.stop()


async def test_a_begun_answer_may_end_in_a_blank(tooled: Path):
    async with serving(Served("babble", tooled)) as model:
        ask = (Message("user", "tell"),)
        whole = heard(await hear(model, Chat(ask, Sampling(max_tokens=200, temperature=0.0))))[1]
        blanks = [at for at, letter in enumerate(whole[:190]) if letter.isspace()]
        assert blanks
        for cut in (1, *(at + 1 for at in blanks)):
            rest = heard(await hear(model, Chat(ask, GREEDY, Partial(whole[:cut]))))[1]
            assert (whole[:cut] + rest)[:190].startswith(whole[: min(190, cut + 32)])


async def test_a_begun_thought_is_not_thought_again_and_the_answer_comes(calc: Model):
    chunks = await hear(calc, Chat(QUESTION, GREEDY, Partial("", "3+6=9")))
    assert heard(chunks)[1]


async def test_newer_models_take_neither_a_begun_answer_nor_a_temperature(tooled: Path):
    served = Served("newest", tooled, prefills=False, samples=False)
    async with serving(served) as model:
        assert model.card.has_tools
        assert not model.card.can_continue
        assert heard(await hear(model, Chat(QUESTION, Sampling(max_tokens=8))))[1]
        for refused in (
            Chat(QUESTION, GREEDY),
            Chat(QUESTION, Sampling(top_p=0.5)),
            Chat(QUESTION, Sampling(max_tokens=8), Partial("57")),
        ):
            with pytest.raises(UnsupportedError):
                await hear(model, refused)


async def test_what_the_api_has_no_word_for_is_refused(calc: Model):
    for sampling in (Sampling(seed=1), Sampling(temperature=1.5), Sampling(top_logprobs=1)):
        with pytest.raises(UnsupportedError):
            await hear(calc, Chat(QUESTION, sampling))
    with pytest.raises(UnsupportedError):
        await hear(calc, Chat(QUESTION, GREEDY, response_format={"type": "json_object"}))
    with pytest.raises(InvalidRequestError):
        await hear(calc, Chat(QUESTION, Sampling(max_tokens=9, stop=("\n",))))


async def test_a_tool_is_called_whole_and_its_result_read(tooled: Path):
    async with serving(Served("tooled", tooled)) as model:
        turns = (Message("system", "Be brief."), Message("user", "look"))
        chunks = await hear(model, Chat(turns, GREEDY, tools=(SEEK, LOOK), tool_choice="look"))
        assert chunks[-1].finish == "tool_calls"
        (call,) = chunks[-1].tool_calls
        assert call.name == "look"
        assert set(json.loads(call.arguments)) == {"where", "deep"}
        turns += (
            Message("assistant", "", tool_calls=(call,)),
            Message("tool", "a crow", tool_call_id=call.id),
            Message("user", "well?"),
        )
        after = await hear(model, Chat(turns, GREEDY, tools=(SEEK, LOOK)))
        assert not after[-1].tool_calls
        assert heard(after)[1]
        any_of_them = await hear(
            model, Chat(turns[:2], GREEDY, tools=(SEEK, LOOK), tool_choice="required")
        )
        assert any_of_them[-1].tool_calls
        cut = await hear(model, Chat(turns[:2], Sampling(max_tokens=9), tools=(LOOK,)))
        assert (cut[-1].finish, cut[-1].tool_calls) == ("length", ())


async def test_an_answer_holds_to_its_schema(calc: Model):
    schema = LOOK["function"]["parameters"]
    wanted = {"type": "json_schema", "json_schema": {"name": "look", "schema": schema}}
    chunks = await hear(calc, Chat(QUESTION, GREEDY, response_format=wanted))
    assert set(json.loads(heard(chunks)[1])) == {"where", "deep"}


async def test_images_travel_in_the_request_alone(tooled: Path):
    def showing(url: str) -> Chat:
        parts = (TextPart("What is it?"), ImagePart(ImageUrl(url)))
        return Chat((Message("user", parts),), GREEDY)

    pixel = b"not quite a picture"
    async with serving(Served("eye", tooled, sees=True)) as model:
        url = f"data:image/png;base64,{base64.b64encode(pixel).decode()}"
        plain = f"What is it?[an image of {len(pixel)} bytes]"
        told = await hear(model, Chat((Message("user", plain),), GREEDY))
        assert heard(await hear(model, showing(url))) == heard(told)
        with pytest.raises(UnsupportedError):
            await hear(model, showing("https://example.invalid/a.png"))
        with pytest.raises(InvalidRequestError):
            await hear(model, showing(url.replace("png", "tiff")))


async def test_a_refusal_is_told_as_one(calc: Model):
    chunks = await hear(calc, Chat((Message("user", REFUSED),), GREEDY))
    assert chunks[-1].finish == "content_filter"


async def test_a_prompt_beyond_the_context_is_refused(calc: Model):
    with pytest.raises(ContextTooLongError):
        await hear(calc, Chat((Message("user", "1 plus " * 5000),), GREEDY))


async def test_a_wrong_key_a_missing_model_and_a_busy_server_are_told_apart():
    async with AnthropicStandIn([Served("calc", FOLDER / "calc.gguf")], key=KEY) as server:
        with pytest.raises(EngineError, match="refuses the key"):
            await at(f"{server.url}#calc", "sk-wrong").start()
        with pytest.raises(SettingsError, match=r"no model claude.*calc"):
            await at(f"{server.url}#claude").start()
        async with running(at(server.url)) as model:
            assert model.card.name == "calc"
            for status, retry_s in ((429, RETRY_AFTER_S), (529, 1.0)):
                server.refuses_with = status
                with pytest.raises(OverloadedError) as caught:
                    await hear(model, Chat(QUESTION, GREEDY))
                assert caught.value.retry_after_s == retry_s
                with pytest.raises(OverloadedError):
                    await at(f"{server.url}#calc").start()
            server.refuses_with = None
            assert any(heard(await hear(model, Chat(QUESTION, GREEDY))))


async def test_llama_cpp_speaks_it_too(tooled: Path):
    """A second server of the API that none of us wrote."""
    server = llama_server(tooled)
    listed = str(tooled)
    async with running(at(f"{server.listening_address}#{listed}", name="tooled")) as model:
        assert model.card.can_continue
        ask = (Message("user", "tell"),)
        whole = heard(await hear(model, Chat(ask, GREEDY)))[1]
        chunks = await hear(model, Chat(ask, GREEDY, Partial(whole[:5])))
        assert heard(chunks)[1].startswith(whole[5:])
        assert chunks[-1].finish == "length"
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == 64
        assert chunks[-1].usage.prompt_tokens > 5
