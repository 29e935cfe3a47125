"""Whatever goes wrong is told in OpenAI's shape, and the gateway goes on."""

import openai
import pytest

from modelnet.core.chunk import Chunk, Usage
from modelnet.core.error import STATUS_OF, ModelnetError, OverloadedError, PeerLostError

pytestmark = [pytest.mark.live, pytest.mark.anyio]

CHAT = "/v1/chat/completions"
ASKED = {"messages": [{"role": "user", "content": "hi"}]}
STREAMED = {**ASKED, "stream": True}


def failing(contribution, error: BaseException, *, after: int):
    async def rule(task):
        yield contribution()
        for _ in range(after):
            yield Chunk(text="x")
        raise error

    return rule


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("kind", STATUS_OF, ids=lambda kind: kind.__name__)
async def test_every_error_before_the_answer(
    kind: type[ModelnetError], is_stream: bool, network, contribution, serve, raw
):
    answering = network(failing(contribution, kind("It is so."), after=0))
    async with serve(answering) as url:
        response = await raw(url).ask("POST", CHAT, {**ASKED, "stream": is_stream})
    assert response.status == STATUS_OF[kind].http
    assert response.headers["content-type"] == "application/json"
    assert response.json["error"]["message"] == "It is so."
    assert response.json["error"]["code"] == kind.code
    assert ("retry-after" in response.headers) == (response.status in (429, 503))


async def test_an_error_in_the_middle_of_a_stream(network, contribution, serve, raw):
    answering = network(failing(contribution, PeerLostError("It died."), after=2))
    async with serve(answering) as url:
        response = await raw(url).ask("POST", CHAT, STREAMED)
        assert response.status == 200
        *said, error = response.events
        assert "".join(event["choices"][0]["delta"].get("content", "") for event in said) == "xx"
        assert error["error"]["code"] == "peer_lost"
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="-") as client:
            stream = await client.chat.completions.create(model="auto", **STREAMED)
            with pytest.raises(openai.APIError, match="It died"):
                async for _ in stream:
                    pass


async def test_when_to_come_back(network, contribution, serve):
    error = OverloadedError("Full.", retry_after_s=2.5)
    async with (
        serve(network(failing(contribution, error, after=0))) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="-", max_retries=0) as client,
    ):
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="auto", **ASKED)
    assert caught.value.response.headers["retry-after"] == "3"


@pytest.mark.parametrize("after", [0, 1])
async def test_a_defect_of_ours_is_a_500_and_logged(
    after: int, network, contribution, serve, raw, caplog
):
    answering = network(failing(contribution, ZeroDivisionError("secret"), after=after))
    async with serve(answering) as url:
        response = await raw(url).ask("POST", CHAT, {**ASKED, "stream": bool(after)})
        assert (await raw(url).ask("GET", "/healthz")).status == 200
    told = response.events[-1] if after else response.json
    assert response.status == (200 if after else 500)
    assert told["error"]["code"] == "internal"
    assert "secret" not in str(told)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_answer_without_an_end_is_not_one(
    is_stream: bool, network, contribution, serve, raw
):
    async def rule(task):
        yield contribution()
        yield Chunk(text="x")

    async with serve(network(rule)) as url:
        response = await raw(url).ask("POST", CHAT, {**ASKED, "stream": is_stream})
    told = response.events[-1] if is_stream else response.json
    assert told["error"]["code"] == "engine_failed"


@pytest.mark.parametrize("is_stream", [False, True])
async def test_one_of_several_prompts_fails(is_stream: bool, network, contribution, serve, raw):
    async def rule(task):
        yield contribution()
        yield Chunk()
        if task.request.prompt == "bad":
            raise PeerLostError("It died.")
        yield Chunk(text="x", finish="stop", usage=Usage(1, 1))

    prompts = ["good", "bad", "good", "good", "good", "good"]
    async with serve(network(rule)) as url:
        response = await raw(url).ask(
            "POST", "/v1/completions", {"prompt": prompts, "stream": is_stream}
        )
    told = response.events[-1] if is_stream else response.json
    assert response.status == (200 if is_stream else 502)
    assert told["error"]["message"] == "It died."


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/chat/completions", 404),
        ("GET", "/v1/models/nobody", 404),
        ("GET", "/v1/models/", 404),
        ("GET", "/%00%ff/../x", 404),
        ("GET", CHAT, 405),
        ("OPTIONS", CHAT, 405),
        ("POST", "/v1/models", 405),
    ],
)
async def test_wrong_paths_and_methods(method, path, status, network, serve, raw):
    async with serve(network()) as url:
        response = await raw(url).ask(method, path)
    assert response.status == status
    assert response.json["error"]["type"] == "invalid_request_error"
    assert ("allow" in response.headers) == (status == 405)
    assert not any(name.startswith("access-control") for name in response.headers)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"null", b"[" * 100_000, b'{"messages":[]}']
)
async def test_bodies_that_are_not_requests(body: bytes, network, serve, raw):
    async with serve(network()) as url:
        for path in (CHAT, "/v1/completions", "/v1/embeddings"):
            response = await raw(url).ask("POST", path, body)
            assert response.status == 400
            assert response.json["error"]["message"].endswith(".")


async def test_a_body_too_large(network, serve, raw):
    large = b'{"messages":"' + b"x" * 17_000_000 + b'"}'
    answering = network()
    async with serve(answering) as url:
        client = raw(url)
        response = await client.ask("POST", CHAT, large)
        assert (response.status, response.json["error"]["code"]) == (413, "request_too_large")
        # The refusal comes before the body where the client asks first.
        waiting = {"Content-Length": "17000000", "Expect": "100-continue"}
        response = await client.ask("POST", CHAT, None, waiting)
        assert response.status == 413
        async with await client.connect() as stream:
            head = client.request(
                "POST", CHAT, None, {"Transfer-Encoding": "chunked", "Connection": "close"}
            )
            await stream.send(head.replace(b"Content-Length: 0\r\n", b""))
            await stream.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(large), large))
            assert (await client.read(stream)).status == 413
    assert answering.tasks == []


async def test_garbage_instead_of_http(network, serve, raw):
    async with serve(network()) as url:
        client = raw(url)
        for garbage in (b"\x16\x03\x01\x02\x00", b"hello\r\n\r\n", b"GET \xff HTTP/1.1\r\n\r\n"):
            async with await client.connect() as stream:
                await stream.send(garbage)
                assert (await client.read(stream)).status == 400
        assert (await client.ask("GET", "/healthz")).status == 200
