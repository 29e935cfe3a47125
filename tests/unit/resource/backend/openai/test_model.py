"""An OpenAI-compatible server, well or badly behaved, and what becomes of it at the seam."""

import time
from contextlib import aclosing

import anyio
import pytest
from aiohttp import web

from modelnet.core.card import Price
from modelnet.core.chunk import Chunk, ToolCall, Usage
from modelnet.core.error import (
    ContextTooLongError,
    DeadlineError,
    EngineError,
    InvalidRequestError,
    OverloadedError,
    SettingsError,
    UnsupportedError,
)
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    Encode,
    ImagePart,
    ImageUrl,
    Message,
    Partial,
    Sampling,
    Score,
    Step,
)
from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint
from tests.unit.resource.backend.openai.conftest import CALL, LOGPROBS, Upstream, event, stream

pytestmark = pytest.mark.anyio
HELLO = Chat((Message("user", "Say hello"),), Sampling(max_tokens=5, temperature=0, seed=1))


async def hear(model: OpenAIModel, request=HELLO, within_s: float = 5.0) -> list[Chunk]:
    async with aclosing(model.run(request, deadline=time.time() + within_s)) as chunks:
        return [chunk async for chunk in chunks]


def said(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def test_an_answer_with_its_usage(upstream: Upstream, connect):
    model = await connect()
    chunks = await hear(model)
    assert said(chunks) == "Hello"
    assert chunks[-1].finish == "stop"
    assert chunks[-1].usage == Usage(3, 2)
    sent = upstream.requests[0]
    assert sent["model"] == "m"
    assert sent["messages"] == [{"role": "user", "content": "Say hello"}]
    assert (sent["max_tokens"], sent["temperature"], sent["seed"]) == (5, 0, 1)
    assert "top_p" not in sent
    assert "stop" not in sent


async def test_tool_calls_pass_through(upstream: Upstream, connect):
    call = {"index": 0, "id": "1", "function": {"name": "look", "arguments": "{}"}}
    more = {"index": 0, "function": {"arguments": " "}}

    async def chat(request: web.Request) -> web.StreamResponse:
        delta = {"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
        return await stream(request, [{"choices": [{"delta": {"tool_calls": [more]}}]}, delta])

    upstream.chat = chat
    tools = ({"type": "function", "function": {"name": "look"}},)
    chunks = await hear(await connect("tools"), Chat((Message("user", "a"),), tools=tools))
    assert [call for chunk in chunks for call in chunk.tool_calls] == [ToolCall("1", "look", " {}")]
    assert chunks[-1].finish == "tool_calls"
    assert upstream.requests[0]["tools"] == list(tools)


async def test_reasoning_is_told_apart_however_it_comes(upstream: Upstream, connect):
    async def chat(request: web.Request) -> web.StreamResponse:
        if "deepseek" in (await request.json())["messages"][0]["content"]:
            thought = {"choices": [{"delta": {"reasoning_content": "hm"}}]}
            return await stream(request, [thought, event("57", "stop")])
        return await stream(request, [event("<thi"), event("nk>hm</th"), event("ink>57", "stop")])

    upstream.chat = chat
    model = await connect()
    for prompt in ("deepseek", "other"):
        chunks = await hear(model, Chat((Message("user", prompt),)))
        assert said(chunks) == "57"
        assert "".join(chunk.reasoning for chunk in chunks) == "hm"


async def test_usage_is_counted_where_the_server_does_not_count(upstream: Upstream, connect):
    async def chat(request: web.Request) -> web.StreamResponse:
        return await stream(request, [event("Hello there"), event("", "length")])

    upstream.chat = chat
    chunks = await hear(await connect())
    assert chunks[-1].usage == Usage(4, 4)
    assert chunks[-1].finish == "length"


async def test_log_probabilities_come_with_their_bytes(upstream: Upstream, connect):
    async def chat(request: web.Request) -> web.StreamResponse:
        return await stream(request, [event("a", logprobs=LOGPROBS), event("", "stop")])

    upstream.chat = chat
    model = await connect("logprobs")
    chunks = await hear(model, Chat((Message("user", "a"),), Sampling(top_logprobs=1)))
    (token,) = [token for chunk in chunks for token in chunk.tokens]
    assert (token.text, token.logprob, token.bytes) == ("a", -0.1, b"a")
    assert token.alternatives[0].bytes == b"a"
    assert upstream.requests[0]["logprobs"] is True
    with pytest.raises(UnsupportedError, match="1 alternatives"):
        await hear(model, Chat((Message("user", "a"),), Sampling(top_logprobs=2)))


async def test_vllm_goes_on_with_an_open_message(upstream: Upstream, connect):
    model = await connect("open-message")
    assert model.card.can_continue
    begun = Partial(text="Hel", reasoning="hm")
    await hear(model, Chat((Message("user", "Say hello"),), partial=begun))
    sent = upstream.requests[0]
    assert sent["messages"][-1] == {"role": "assistant", "content": "<think>hm</think>Hel"}
    assert sent["continue_final_message"] is True
    assert sent["add_generation_prompt"] is False


async def test_completions_and_embeddings(upstream: Upstream, connect):
    async def embed(request: web.Request) -> web.Response:
        inputs = (await request.json())["input"]
        data = [{"index": i, "embedding": [float(i), 0.5]} for i in range(len(inputs))]
        return web.json_response({"data": data[::-1], "usage": {"prompt_tokens": 4}})

    upstream.extra["/v1/embeddings"] = embed
    model = await connect("complete", "logprobs")
    assert model.card.operations == ("chat", "complete", "step", "embed")
    assert model.card.embedding_size == 2
    chunks = await hear(model, Complete("raw", Sampling(), Partial(text="+begun")))
    assert said(chunks) == "<think>raw+begun"
    assert chunks[0].tokens[0].alternatives[0].text == "a"
    (chunk,) = await hear(model, Embed(("x", "y")))
    assert [memoryview(v).cast("f").tolist() for v in chunk.vectors] == [[0.0, 0.5], [1.0, 0.5]]
    assert chunk.usage == Usage(4)


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"embedding": [1.0]}],
        [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}],
        [{"embedding": "no base64!"}, {"embedding": "no base64!"}],
        "vectors",
    ],
)
async def test_vectors_that_do_not_belong_to_the_inputs(upstream: Upstream, connect, data):
    model = await connect("embed")

    async def embed(request: web.Request) -> web.Response:
        return web.json_response({"data": data})

    upstream.extra["/v1/embeddings"] = embed
    with pytest.raises(EngineError):
        await hear(model, Embed(("x", "y")))


TOOLS = ({"type": "function", "function": {"name": "look"}},)
LOOK = ToolCall("1", "look", "{}")


async def test_turns_of_tools_are_written_as_openai_does(upstream: Upstream, connect):
    model = await connect("tools")
    turns = (
        Message("developer", "Be brief."),
        Message("user", "a"),
        Message("assistant", "", (LOOK,)),
        Message("tool", "rain", tool_call_id="1"),
    )
    await hear(model, Chat(turns, tools=TOOLS))
    function = {"name": "look", "arguments": "{}"}
    assert upstream.requests[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "rain", "tool_call_id": "1"},
    ]


async def test_a_model_is_made_to_call_a_tool(upstream: Upstream, connect):
    async def chat(request: web.Request) -> web.StreamResponse:
        # Like many servers, it says `stop` all the same.
        delta = {"choices": [{"delta": {"tool_calls": [CALL]}, "finish_reason": "stop"}]}
        return await stream(request, [delta])

    upstream.chat = chat
    model = await connect("forces")
    for choice in ("required", "look"):
        chunks = await hear(model, Chat((Message("user", "a"),), tools=TOOLS, tool_choice=choice))
        assert chunks[-1].tool_calls == (LOOK,)
        assert chunks[-1].finish == "tool_calls"
    named = {"type": "function", "function": {"name": "look"}}
    assert [sent["tool_choice"] for sent in upstream.requests] == ["required", named]


@pytest.mark.parametrize(
    ("name", "choice", "called"),
    [
        ("leap", "auto", True),
        ("leap", "required", True),
        ("look", "leap", True),
        ("look", "required", False),
    ],
)
async def test_calls_of_what_was_not_offered_are_refused(
    upstream: Upstream, connect, name: str, choice: str, called: bool
):
    async def chat(request: web.Request) -> web.StreamResponse:
        call = CALL | {"function": {"name": name, "arguments": "{}"}}
        delta = {"tool_calls": [call]} if called else {"content": "no"}
        return await stream(request, [{"choices": [{"delta": delta, "finish_reason": "stop"}]}])

    upstream.chat = chat
    model = await connect("forces")
    with pytest.raises(EngineError, match="called"):
        await hear(model, Chat((Message("user", "a"),), tools=TOOLS, tool_choice=choice))


async def test_a_call_that_was_cut_is_not_made_up(upstream: Upstream, connect):
    async def chat(request: web.Request) -> web.StreamResponse:
        call = CALL | {"function": {"name": "look", "arguments": '{"where": "ou'}}
        delta = {"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": "length"}]}
        return await stream(request, [delta])

    upstream.chat = chat
    chunks = await hear(await connect("tools"), Chat((Message("user", "a"),), tools=TOOLS))
    assert [chunk.tool_calls for chunk in chunks] == [()] * len(chunks)
    assert chunks[-1].finish == "length"


async def test_what_the_probe_did_not_see_is_refused(upstream: Upstream, connect):
    model = await connect("tools", "logprobs")
    ask = (Message("user", "a"),)
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}
    far = ImagePart(ImageUrl("http://169.254.169.254/secret"))
    refused = [
        Chat(ask, tools=TOOLS, tool_choice="required"),
        Chat(ask, response_format=schema),
        Chat(ask, response_format={"type": "grammar"}),
        Chat(ask, partial=Partial("b")),
        Chat((Message("user", (far,)),)),
        Complete("a"),
        Step(Chat(ask)),
        Score(Complete("a"), "b"),
        Embed(("a",)),
        Encode(("a",)),
    ]
    for request in refused:
        with pytest.raises(UnsupportedError):
            await hear(model, request)
    assert upstream.requests == []


async def test_images_travel_inside_the_request_only(upstream: Upstream, connect):
    model = await connect("vision")
    near = ImagePart(ImageUrl("data:image/png;base64,AAAA"))
    await hear(model, Chat((Message("user", (near,)),)))
    assert upstream.requests[0]["messages"][0]["content"][0]["image_url"]["url"].startswith("data:")
    far = ImagePart(ImageUrl("http://169.254.169.254/secret"))
    with pytest.raises(UnsupportedError):
        await hear(model, Chat((Message("user", (far,)),)))


async def answered(
    upstream: Upstream, connect, status: int, body: str, headers: dict[str, str] | None = None
) -> list[Chunk]:
    async def chat(request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers=headers)

    upstream.chat = chat
    return await hear(await connect())


TOO_LONG = '{"error": {"message": "too long", "code": "context_length_exceeded"}}'


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (500, "Traceback", EngineError, "Traceback"),
        (502, "<html>", EngineError, "502"),
        (404, '{"error": {"message": "gone"}}', EngineError, "gone"),
        (302, "", EngineError, "302"),
        (401, '{"error": "bad key"}', EngineError, "key"),
        (400, '{"error": {"message": "bad temperature"}}', InvalidRequestError, "temperature"),
        (422, '{"detail": [{"msg": "bad"}]}', InvalidRequestError, "bad"),
        (400, TOO_LONG, ContextTooLongError, "too long"),
        (400, '{"message": "maximum context length is 8"}', ContextTooLongError, "8"),
        (200, '{"choices": []}', EngineError, "stream"),
        (503, '{"error": "loading"}', OverloadedError, "loading"),
    ],
)
async def test_refusals_become_errors_that_say_why(upstream, connect, status, body, kind, told):
    with pytest.raises(kind, match=told):
        await answered(upstream, connect, status, body)


@pytest.mark.parametrize(
    ("retry_after", "expected_s"), [("7", 7.0), (None, 1.0), ("nonsense", 1.0), ("-3", 0.0)]
)
async def test_too_many_requests_says_when_to_come_back(upstream, connect, retry_after, expected_s):
    headers = {"Retry-After": retry_after} if retry_after else {}
    with pytest.raises(OverloadedError) as caught:
        await answered(upstream, connect, 429, "{}", headers)
    assert caught.value.retry_after_s == expected_s


async def test_redirects_are_not_followed(upstream: Upstream, connect):
    async def elsewhere(request: web.Request) -> web.Response:
        raise AssertionError("followed")

    upstream.extra["/elsewhere"] = elsewhere
    with pytest.raises(EngineError):
        await answered(upstream, connect, 307, "", {"Location": f"{upstream.url}/elsewhere"})


async def broken_stream(upstream: Upstream, connect, events: list, *, ends: bool) -> list[Chunk]:
    async def chat(request: web.Request) -> web.StreamResponse:
        return await stream(request, events, ends=ends)

    upstream.chat = chat
    return await hear(await connect())


@pytest.mark.parametrize(
    ("events", "ends"),
    [
        ([event("a")], False),
        ([event("a")], True),
        (["{garbage"], True),
        (['{"choices": "garbage"}'], True),
        ([event("a"), {"error": {"message": "out of memory"}}], True),
        ([], True),
    ],
)
async def test_broken_streams_are_engine_errors(upstream, connect, events, ends):
    with pytest.raises(EngineError):
        await broken_stream(upstream, connect, events, ends=ends)


async def test_a_server_that_hangs_meets_the_deadline(upstream: Upstream, connect):
    async def chat(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await anyio.sleep(5)
        return response

    upstream.chat = chat
    model = await connect()
    with pytest.raises(DeadlineError):
        await hear(model, within_s=0.1)


async def test_leaving_closes_the_connection(upstream: Upstream, connect):
    closed = anyio.Event()

    async def chat(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n')
                await anyio.sleep(0.002)
        except ConnectionError:
            closed.set()
        return response

    upstream.chat = chat
    model = await connect()
    async with aclosing(model.run(HELLO, deadline=time.time() + 5)) as chunks:
        assert (await anext(chunks)).text
    with anyio.fail_after(5):
        await closed.wait()


async def test_a_price_is_told_by_its_owner(upstream: Upstream):
    price = Price(0.15, 0.6)
    model = OpenAIModel(openai_endpoint(f"{upstream.url}#m"), price=price)
    await model.start()
    assert model.card.price == price
    await model.stop()


async def test_the_key_goes_to_its_host_and_is_never_shown(
    upstream: Upstream, connect, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MODELNET_KEY_127_0_0_1", "sk-secret")
    model = await connect()
    await hear(model)
    assert set(upstream.authorizations) == {"Bearer sk-secret"}
    assert "sk-secret" not in repr(vars(model))


async def test_the_key_may_be_in_a_variable_of_ones_own(
    upstream: Upstream, connect, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MY_KEY", "sk-mine")
    await connect(suffix="#m;key=MY_KEY")
    assert upstream.authorizations[0] == "Bearer sk-mine"


async def test_without_a_name_the_only_model_is_meant(connect):
    assert (await connect(suffix="")).card.name == "m"


async def test_an_unknown_model_lists_those_there_are(upstream: Upstream, connect):
    upstream.models = {"data": [{"id": "m"}, {"id": "n:latest"}]}
    with pytest.raises(SettingsError, match="m, n:latest"):
        await connect(suffix="#other")
    with pytest.raises(SettingsError):
        await connect(suffix="")
    assert (await connect(suffix="#n")).card.name == "n:latest"


async def test_something_else_than_a_model_server_is_an_engine_error(upstream: Upstream, connect):
    upstream.models = ["hello"]
    with pytest.raises(EngineError):
        await connect()


async def test_nobody_at_the_address_is_an_engine_error():
    model = OpenAIModel(openai_endpoint("http://127.0.0.1:9#m"))
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:9"):
        await model.start()
