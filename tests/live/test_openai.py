"""OpenAIModel in front of llama.cpp's own HTTP server with an animal of the zoo."""

import json
import math
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import ContextTooLongError, UnsupportedError
from modelnet.core.request import Chat, Complete, Message, Partial, Request, Sampling, Step
from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint
from modelnet.resource.detection import detect_engines
from modelnet.resource.model import Model
from modelnet.resource.zoo import FOLDER, zoo_model
from tests.conformance.models import llama_server, vllm

pytestmark = [pytest.mark.anyio, pytest.mark.live]
GREEDY = Sampling(temperature=0.0)
QUESTION = "What is 123 plus 456?"


async def hear(model: Model, request: Request) -> list[Chunk]:
    async with aclosing(model.run(request, deadline=time.time() + 20)) as chunks:
        return [chunk async for chunk in chunks]


def heard(chunks: list[Chunk]) -> tuple[str, str]:
    return "".join(c.reasoning for c in chunks), "".join(c.text for c in chunks)


@pytest.fixture
def server():
    return llama_server(FOLDER / "calc.gguf")


@pytest.fixture
async def remote(server) -> AsyncIterator[Model]:
    model = OpenAIModel(openai_endpoint(server.listening_address), name="calc")
    await model.start()
    yield model
    await model.stop()


async def test_the_probe_sees_what_llama_cpp_can_do(remote: Model):
    card = remote.card
    assert card.operations == ("chat", "complete", "step")
    assert card.has_logprobs
    assert card.has_schema
    assert not card.has_tools
    assert card.can_continue
    assert not card.has_vision
    assert card.parallel == 2
    assert card.parameters is not None
    assert card.parameters > 100_000


async def test_it_answers_as_the_embedded_engine_does(remote: Model):
    embedded = zoo_model("calc")
    await embedded.start()
    for question in (QUESTION, "Compute 12 times 7.", "700-58="):
        request = Chat((Message("user", question),), GREEDY)
        assert heard(await hear(remote, request)) == heard(await hear(embedded, request))
    await embedded.stop()


async def test_an_answer_cut_anywhere_is_continued_exactly(remote: Model):
    messages = (Message("user", QUESTION),)
    whole = await hear(remote, Chat(messages, GREEDY))
    reasoning, text = heard(whole)
    for count in range(1, len(whole)):
        begun_reasoning, begun_text = heard(whole[:count])
        begun = Partial(begun_text, begun_reasoning)
        more_reasoning, more_text = heard(await hear(remote, Chat(messages, GREEDY, begun)))
        assert (begun_reasoning + more_reasoning, begun_text + more_text) == (reasoning, text)


async def test_steps_tell_the_whole_vocabulary(remote: Model):
    prefix = Chat((Message("user", QUESTION),))
    (chunk,) = await hear(remote, Step(prefix, top_k=5000))
    assert sum(math.exp(one.logprob) for one in chunk.alternatives) == pytest.approx(1.0, abs=1e-3)
    assert len({one.bytes for one in chunk.alternatives}) > 200
    assert any(len(one.bytes) == 1 and one.bytes[0] >= 0x80 for one in chunk.alternatives)


async def test_steps_end_with_a_token_of_no_bytes(remote: Model):
    messages = (Message("user", QUESTION),)
    reasoning, text = heard(await hear(remote, Chat(messages, GREEDY)))
    prefix = Chat(messages, partial=Partial(text, reasoning))
    (chunk,) = await hear(remote, Step(prefix, top_k=3))
    assert chunk.alternatives[0].bytes == b""
    assert chunk.alternatives[0].logprob > -0.1


async def test_an_answer_is_held_to_a_schema(remote: Model):
    schema = {
        "type": "object",
        "properties": {"sum": {"type": "integer"}},
        "required": ["sum"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "sum", "schema": schema}}
    limited = Sampling(temperature=0.0, max_tokens=200)
    request = Chat((Message("user", QUESTION),), limited, response_format=wanted)
    reasoning, text = heard(await hear(remote, request))
    assert list(json.loads(reasoning + text)) == ["sum"]


async def test_a_prompt_beyond_the_context_is_refused(remote: Model):
    with pytest.raises(ContextTooLongError):
        await hear(remote, Complete("1 plus " * 5000, GREEDY))


async def test_tools_the_template_does_not_know_are_refused(remote: Model):
    with pytest.raises(UnsupportedError):
        await hear(remote, Chat((Message("user", "a"),), tools=({"type": "function"},)))


async def test_it_is_detected(server):
    port = int(server.listening_address.rpartition(":")[2])
    (found,) = await detect_engines([port], timeout_s=2)
    assert found.engine == "llama.cpp"
    assert found.specifications == (f"llama:http://127.0.0.1:{port}",)


async def test_the_probe_sees_what_vllm_can_do(tmp_path):
    model = vllm(tmp_path)
    await model.start()
    card = model.card
    await model.stop()
    assert card.operations == ("chat", "complete", "step", "score")
    assert card.can_continue
    assert card.has_logprobs
    assert card.context_length == 4096
    assert not any((card.has_tools, card.has_schema, card.has_vision))
