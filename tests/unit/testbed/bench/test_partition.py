"""The proxy that stands in for a cable where none can be cut."""

import anyio
import pytest

from modelnet.testbed.bench.partition import open_proxy


async def echo(stream):
    async with stream:
        async for data in stream:
            await stream.send(data)


@pytest.mark.anyio
async def test_what_is_sent_into_a_cut_arrives_after_it_is_mended():
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as group,
        open_proxy() as proxy,
    ):
        group.start_soon(listener.serve, echo)
        host, port = listener.extra(anyio.abc.SocketAttribute.local_address)
        way = proxy.way_to(f"tcp/{host}:{port}", "b")
        proxy_host, _, proxy_port = way.removeprefix("tcp/").rpartition(":")
        async with await anyio.connect_tcp(proxy_host, int(proxy_port)) as stream:
            await stream.send(b"before")
            assert await stream.receive() == b"before"
            await proxy.cut()
            await stream.send(b"into the cut")
            with anyio.move_on_after(0.05) as silence:
                await stream.receive()
            assert silence.cancelled_caught
            await proxy.mend()
            assert await stream.receive() == b"into the cut"
        group.cancel_scope.cancel()


@pytest.mark.anyio
async def test_only_the_far_side_goes_through_the_proxy():
    async with open_proxy() as proxy:
        assert proxy.way_to("tcp/127.0.0.1:7", "a") == "tcp/127.0.0.1:7"
        assert proxy.way_to("tcp/127.0.0.1:7", "b") != "tcp/127.0.0.1:7"
        assert proxy.settings("a", ())["gateway"]
        assert not proxy.settings("a", ())["client"]
        assert proxy.settings("b", ("tcp/127.0.0.1:7",))["client"]
