"""What the probe finds of vLLM's own server, and what only such a server does."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import ContextTooLongError, UnsupportedError
from modelnet.core.request import Chat, Complete, Message, Request, Sampling, Step
from modelnet.resource.detection import detect_engines
from modelnet.resource.model import Model
from tests.conformance import huggingface, vllm_serve

pytestmark = [pytest.mark.anyio, pytest.mark.live, *vllm_serve.MARKS]


@pytest.fixture
async def model(tmp_path: Path) -> AsyncIterator[Model]:
    made = huggingface.vllm(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def hear(model: Model, request: Request) -> list[Chunk]:
    async with aclosing(model.run(request, deadline=time.time() + 20)) as chunks:
        return [chunk async for chunk in chunks]


async def test_the_probe_sees_what_vllm_can_do(model: Model):
    card = model.card
    assert card.operations == ("chat", "complete", "step", "score")
    assert card.can_continue
    assert card.has_logprobs
    assert card.has_schema
    assert card.context_length == 4096
    assert not card.has_tools
    assert not card.has_vision


async def test_an_answer_is_held_to_a_schema(model: Model):
    schema = {"enum": ["fox", "crow", "cheese"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "word", "schema": schema}}
    request = Chat((Message("user", "tell"),), Sampling(max_tokens=24), response_format=wanted)
    chunks = await hear(model, request)
    assert json.loads("".join(chunk.text for chunk in chunks)) in schema["enum"]
    assert chunks[-1].finish == "stop"


async def test_a_step_tells_as_many_tokens_as_vllm_does_and_no_more(model: Model):
    prefix = Chat((Message("user", "tell"),))
    (chunk,) = await hear(model, Step(prefix, top_k=20))
    assert len(chunk.alternatives) == 20
    with pytest.raises(UnsupportedError):
        await hear(model, Step(prefix, top_k=21))


async def test_a_prompt_beyond_the_context_is_refused(model: Model):
    with pytest.raises(ContextTooLongError):
        await hear(model, Complete("x" * 5000))


async def test_it_is_detected(model: Model):
    port = urlsplit(model.server.url).port
    (found,) = await detect_engines([port], timeout_s=2)
    assert found.engine == "vLLM"
    assert found.specifications == (f"openai:http://127.0.0.1:{port}#babble",)
