"""Where the gateway listens, who may ask, what it tells of itself."""

import socket
import time

import anyio
import openai
import pytest

from modelnet.application.gateway.endpoint import Reply
from modelnet.application.gateway.server import Address
from modelnet.core.error import AddressError, SettingsError

pytestmark = [pytest.mark.live, pytest.mark.anyio]

ASKED = {"messages": [{"role": "user", "content": "hi"}]}
CHAT = "/v1/chat/completions"


async def test_a_port_in_use_is_named(network, serve):
    async with serve(network()) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(AddressError, match=rf"Port {port} .* in use.*--port"):
            async with serve(network(), listen=Address("127.0.0.1", port)):
                pass


@pytest.mark.parametrize(
    ("host", "port"),
    [("203.0.113.7", 0), ("127.0.0.1", 70_000), ("127.0.0.1", -1), ("a" * 300, 0)],
)
async def test_what_is_not_an_address_of_this_machine(host: str, port: int, network, serve):
    with pytest.raises(AddressError, match=r"listen on 127\.0\.0\.1|choose one up to 65535"):
        async with serve(network(), listen=Address(host, port)):
            pass


async def test_elsewhere_than_loopback_only_with_a_key(network, serve, raw):
    with pytest.raises(SettingsError, match="bearer key"):
        async with serve(network(), listen=Address("0.0.0.0")):
            pass
    async with serve(network(), listen=Address("0.0.0.0"), keys=["secret"]) as url:
        assert url.startswith("http://127.0.0.1:")
        headers = {"Host": "node.example", "Authorization": "Bearer secret"}
        assert (await raw(url).ask("GET", "/v1/models", None, headers)).status == 200


async def test_a_socket_given(network, serve, raw):
    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    async with serve(network(), listen=bound) as url:
        assert url == f"http://127.0.0.1:{port}"
        assert (await raw(url).ask("GET", "/healthz")).status == 200
    assert bound.fileno() == -1


async def test_version_6(network, serve, raw):
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    async with serve(network(), listen=Address("::1")) as url:
        assert url.startswith("http://[::1]:")
        assert (await raw(url).ask("GET", "/healthz", None, {"Host": "[::1]:1"})).status == 200


async def test_again_on_the_same_port(network, serve, raw):
    async with serve(network()) as url:
        assert (await raw(url).ask("GET", "/healthz")).status == 200
    async with serve(network(), listen=Address("127.0.0.1", int(url.rpartition(":")[2]))) as again:
        assert (await raw(again).ask("GET", "/healthz")).status == 200


async def test_keys(network, serve, raw):
    async with serve(network(), keys=["one", "two"]) as url:
        client = raw(url)
        refused = await client.ask("POST", CHAT, ASKED)
        assert refused.status == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.json["error"]["code"] == "invalid_api_key"
        assert (await client.ask("GET", "/metrics")).status == 401
        assert (await client.ask("GET", "/healthz")).json == {"status": "ok"}
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="two") as good:
            assert (await good.chat.completions.create(model="auto", **ASKED)).choices
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="three") as bad:
            with pytest.raises(openai.AuthenticationError):
                await bad.chat.completions.create(model="auto", **ASKED)


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
async def test_web_pages_do_not_get_in_without_a_key(headers, network, serve, raw):
    answering = network()
    async with serve(answering) as url:
        response = await raw(url).ask("POST", CHAT, ASKED, headers)
    assert response.status == 403
    assert response.json["error"]["type"] == "permission_error"
    assert answering.tasks == []


async def test_metrics(network, contribution, serve, raw):
    from modelnet.core.chunk import Chunk, Usage

    async def taken_over(task):
        yield contribution("a")
        yield Chunk(text="x")
        yield contribution("b")
        yield Chunk(text="y", finish="stop", usage=Usage(3, 2))

    async with serve(network(taken_over)) as url:
        client = raw(url)
        await client.ask("POST", CHAT, ASKED)
        streamed = await client.ask("POST", CHAT, {**ASKED, "stream": True})
        for index in range(5):
            await client.ask("GET", f"/made-up/{index}")
            await client.ask("GET", f"/v1/models/{index}")
        metrics = await client.ask("GET", "/metrics")
    assert [event["model"] for event in streamed.events[:-1]] == ["a", "a", "b", "b"]
    assert metrics.headers["content-type"].startswith("text/plain")
    lines = metrics.body.decode().splitlines()
    for line in (
        f'modelnet_http_requests_total{{route="{CHAT}",status="200"}} 2.0',
        'modelnet_http_requests_total{route="other",status="404"} 5.0',
        'modelnet_http_requests_total{route="/v1/models/{id}",status="404"} 5.0',
        'modelnet_first_chunk_seconds_count{operation="chat"} 2.0',
        'modelnet_tokens_total{kind="prompt"} 6.0',
        'modelnet_tokens_total{kind="completion"} 4.0',
        "modelnet_failovers_total 2.0",
        "modelnet_open_streams 0.0",
    ):
        assert line in lines


async def test_what_openai_has_no_word_for(network, serve, raw):
    async with serve(network()) as url:
        nodes = (await raw(url).ask("GET", "/modelnet/v1/nodes")).json["data"]
        models = (await raw(url).ask("GET", "/modelnet/v1/models")).json["data"]
    assert [(node["name"], node["models"]) for node in nodes] == [("alice", ["echo"])]
    assert [(model["id"], model["card"]["engine"]) for model in models] == [
        ("echo@alice", "scripted")
    ]


async def test_head_is_a_get_without_a_body(network, serve, raw):
    async with serve(network()) as url:
        response = await raw(url).ask("HEAD", "/healthz")
    assert (response.status, response.body) == (200, b"")


async def test_endpoints_can_be_added_and_replaced(network, serve, raw):
    async def ping(request):
        return Reply(body=request.tail.encode() or b"pong", media_type=b"text/plain")

    routes = {("GET", "/ping/{what}"): ping, ("GET", "/healthz"): ping}
    async with serve(network(), routes=routes) as url:
        assert (await raw(url).ask("GET", "/ping/a/b")).body == b"a/b"
        assert (await raw(url).ask("GET", "/healthz")).body == b"pong"
        assert (await raw(url).ask("GET", "/v1/models")).status == 200


async def test_a_request_that_never_arrives_whole(network, raw):
    from modelnet.application.gateway.access import Access
    from modelnet.application.gateway.app import Gateway
    from modelnet.application.gateway.meter import Meter
    from modelnet.application.gateway.route import routes_of
    from modelnet.application.gateway.server import bind, serving

    meter = Meter()
    gateway = Gateway(
        routes_of(network(), meter, time.time), access=Access(), meter=meter, time_limit_s=0.05
    )
    bound = await bind(Address())
    async with serving(gateway, bound):
        client = raw(f"http://127.0.0.1:{bound.getsockname()[1]}")
        async with await client.connect() as stream:
            await stream.send(client.request("POST", CHAT, b"{", {"Content-Length": "9"}))
            with anyio.fail_after(5):
                response = await client.read(stream)
    assert response.status == 408
    assert response.json["error"]["code"] == "request_timeout"
