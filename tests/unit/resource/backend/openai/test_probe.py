"""What is put on a card, and what it takes to get there."""

import time
from contextlib import aclosing

import pytest
from aiohttp import web

from modelnet.core.card import ModelCard
from modelnet.core.error import EngineError, InvalidRequestError, OverloadedError
from modelnet.core.load import EngineLoad
from modelnet.core.request import Chat, Message, Sampling
from tests.unit.resource.backend.openai.conftest import Upstream, refusal

pytestmark = pytest.mark.anyio


async def card_of(connect, *abilities: str) -> ModelCard:
    return (await connect(*abilities)).card


async def test_a_server_that_only_chats(connect):
    card = await card_of(connect)
    assert card == ModelCard(
        name="m",
        operations=("chat",),
        engine="openai",
        context_length=512,
        parallel=16,
        can_continue=False,
    )


@pytest.mark.parametrize(
    ("abilities", "field", "value"),
    [
        ({"logprobs"}, "has_logprobs", True),
        ({"complete"}, "operations", ("chat", "complete")),
        ({"complete", "logprobs"}, "operations", ("chat", "complete", "step")),
        ({"embed"}, "operations", ("chat", "embed")),
        ({"embed"}, "embedding_size", 3),
        ({"tools"}, "has_tools", True),
        ({"forces"}, "has_tools", True),
        ({"reads-tools"}, "has_tools", True),
        ({"json_schema"}, "has_schema", True),
        ({"json_object"}, "has_schema", False),
        ({"vision"}, "has_vision", True),
        ({"drops-images"}, "has_vision", False),
        ({"open-message"}, "can_continue", True),
        ({"open-message", "logprobs"}, "operations", ("chat", "step")),
        (
            {"open-message", "complete", "logprobs", "prompt-logprobs"},
            "operations",
            ("chat", "complete", "step", "score"),
        ),
        ({"complete", "logprobs", "echo"}, "operations", ("chat", "complete", "step", "score")),
        ({"complete", "echo"}, "operations", ("chat", "complete")),
        ({"old"}, "operations", ("chat",)),
        ({"young"}, "operations", ("chat",)),
    ],
)
async def test_an_ability_is_on_the_card_where_it_shows(connect, abilities, field, value):
    assert getattr(await card_of(connect, *abilities), field) == value


@pytest.mark.parametrize(
    ("ability", "sent", "left_out"),
    [
        ("old", {"max_tokens"}, {"stream_options"}),
        ("young", {"max_completion_tokens", "stream_options"}, {"max_tokens"}),
    ],
)
async def test_a_server_is_asked_in_the_dialect_it_understood(
    upstream: Upstream, connect, ability, sent, left_out
):
    model = await connect(ability)
    request = Chat((Message("user", "a"),), Sampling(max_tokens=4))
    async with aclosing(model.run(request, deadline=time.time() + 5)) as chunks:
        assert [chunk async for chunk in chunks]
    assert sent <= set(upstream.requests[0])
    assert not left_out & set(upstream.requests[0])


async def test_a_message_that_is_closed_is_not_continued(upstream: Upstream, connect):
    async def tokenize(request):
        return web.json_response({"tokens": [1, 2], "token_strs": ["three", "<|end|>"]})

    upstream.extra["/tokenize"] = tokenize
    assert not (await card_of(connect)).can_continue


async def test_an_image_is_sent_once_and_all_of_it_costs_little(upstream: Upstream, connect):
    everything = {"logprobs", "complete", "embed", "forces", "json_schema", "vision", "echo"}
    await card_of(connect, *everything)
    bodies = [body for _, body in upstream.probed]
    assert sum("image_url" in str(body) for body in bodies) == 1
    assert sum(path == "/v1/embeddings" for path, _ in upstream.probed) == 1
    assert len(upstream.probed) <= 10
    assert sum(body.get("max_tokens", 0) for body in bodies) <= 128


async def test_a_context_of_any_name_is_found(upstream: Upstream, connect):
    for name in ("max_model_len", "context_length", "context_window", "max_context_length"):
        upstream.models = {"data": [{"id": "m", name: 4096}]}
        assert (await card_of(connect)).context_length == 4096
    for told in ("many", -1, None, {}):
        upstream.models = {"data": [{"id": "m", "max_model_len": told, "meta": told}]}
        assert (await card_of(connect)).context_length is None


async def test_a_server_that_is_full_is_asked_again_later(upstream: Upstream, connect):
    async def full(request):
        return refusal("full", 429)

    upstream.extra["/v1/chat/completions"] = full
    with pytest.raises(OverloadedError):
        await connect()


async def test_how_busy_vllm_is_can_be_asked(upstream: Upstream, connect):
    told = [b"vllm:num_requests_running 7\nvllm:num_requests_waiting 2\n"]

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=told[0], content_type="text/plain")

    upstream.extra["/metrics"] = metrics
    model = await connect()
    assert await model.engine_load(time.time() + 5) == EngineLoad(7, 2)
    told[0] = b"something else"
    with pytest.raises(EngineError):
        await model.engine_load(time.time() + 5)


async def test_a_server_that_tells_nothing_of_its_load_is_not_asked_again(
    upstream: Upstream, connect
):
    model = await connect()
    with pytest.raises(EngineError, match="how busy"):
        await model.engine_load(time.time() + 5)
    assert not upstream.requests


async def test_schemas_that_would_stop_llama_cpp_are_refused_before_it_sees_them(
    upstream: Upstream, connect
):
    upstream.models = {"data": [{"id": "m", "owned_by": "llamacpp"}]}
    model = await connect("tools", "json_schema")
    heavy = {"type": "string", "pattern": "^((a?){50}){50}b$"}
    tool = {"type": "function", "function": {"name": "look", "parameters": heavy}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": heavy}}
    messages = (Message("user", "a"),)
    for chat in (Chat(messages, tools=(tool,)), Chat(messages, response_format=form)):
        with pytest.raises(InvalidRequestError, match="pattern"):
            async with aclosing(model.run(chat, deadline=time.time() + 5)) as chunks:
                await anext(chunks)
    assert not upstream.requests


@pytest.mark.parametrize("owner", ["llamacpp", "somebody"])
async def test_an_embedder_of_llama_cpp_that_mixes_up_inputs_is_refused(
    upstream: Upstream, connect, owner: str
):
    async def embed(request: web.Request) -> web.Response:
        inputs = (await request.json())["input"]
        data = [{"index": i, "embedding": [float(i), 0.5]} for i in range(len(inputs))]
        return web.json_response({"data": data})

    upstream.models = {"data": [{"id": "m", "owned_by": owner}]}
    upstream.extra["/v1/embeddings"] = embed
    if owner == "llamacpp":
        with pytest.raises(EngineError, match="--kv-unified"):
            await connect("complete")
    else:
        assert (await card_of(connect, "complete")).operations == ("chat", "complete", "embed")
