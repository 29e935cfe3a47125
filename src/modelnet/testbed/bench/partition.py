"""Two sides and a line between them that can be cut: real links where that is permitted.

As root on Linux each side is a network namespace and the line a pair of virtual Ethernet devices
that is set down. Elsewhere the line is a proxy on loopback that falls silent; the nodes behind it
are clients, since peers would find a way around it.
"""

import os
import secrets
import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from subprocess import CalledProcessError
from typing import Any, Literal, Protocol, TypeAlias

import anyio
from anyio.abc import SocketAttribute, SocketStream

Side: TypeAlias = Literal["a", "b"]

_SIDES: tuple[Side, Side] = ("a", "b")
_ADDRESSES: dict[Side, str] = {"a": "10.213.77.1", "b": "10.213.77.2"}
_CHUNK_BYTES = 65_536


class Partition(Protocol):
    """A line between two sides."""

    @property
    def what(self) -> str:
        """What is cut, for a person."""
        ...

    def prefix(self, side: Side) -> tuple[str, ...]:
        """Return what goes before the command of a process of that side."""
        ...

    def settings(self, side: Side, join: tuple[str, ...]) -> dict[str, Any]:
        """Return the settings of a node of that side."""
        ...

    def way_to(self, endpoint: str, side: Side) -> str:
        """Return where a node of that side reaches an endpoint of side `a`."""
        ...

    async def cut(self) -> None:
        """Let nothing through."""
        ...

    async def mend(self) -> None:
        """Let everything through again."""
        ...


@asynccontextmanager
async def open_partition() -> AsyncGenerator[Partition]:
    """Yield the most real line that this machine permits."""
    async with AsyncExitStack() as stack:
        wire = VirtualWire()
        if await wire.try_open():
            stack.push_async_callback(wire.close)
            yield wire
        else:
            yield await stack.enter_async_context(open_proxy())


class VirtualWire:
    """Two network namespaces and a virtual cable."""

    what = "two network namespaces, the virtual cable between them set down"

    def __init__(self) -> None:
        tag = secrets.token_hex(3)
        self._names: dict[Side, str] = {side: f"mn{tag}{side}" for side in _SIDES}

    async def try_open(self) -> bool:
        """Lay the cable; return whether this machine permits it."""
        if shutil.which("ip") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
            return False
        try:
            await self._lay()
        except CalledProcessError:
            await self.close()
            return False
        return True

    async def close(self) -> None:
        """Remove both sides; the cable goes with them."""
        with anyio.CancelScope(shield=True):
            for name in self._names.values():
                await anyio.run_process(["ip", "netns", "del", name], check=False)

    def prefix(self, side: Side) -> tuple[str, ...]:
        """Return what lets a process run on that side."""
        return ("ip", "netns", "exec", self._names[side])

    def settings(self, side: Side, join: tuple[str, ...]) -> dict[str, Any]:
        """Return the settings of a node of that side: it listens on the cable."""
        return {"listen": [f"tcp/{_ADDRESSES[side]}:0"], "join": join}

    def way_to(self, endpoint: str, side: Side) -> str:  # noqa: ARG002  the same from both sides
        """Return the endpoint: the cable reaches it."""
        return endpoint

    async def cut(self) -> None:
        """Set the cable down."""
        await self._link("a", "down")

    async def mend(self) -> None:
        """Set the cable up."""
        await self._link("a", "up")

    async def _lay(self) -> None:
        a, b = self._names["a"], self._names["b"]
        for name in (a, b):
            await anyio.run_process(["ip", "netns", "add", name])
        peer = ["type", "veth", "peer", "name", b, "netns", b]
        await anyio.run_process(["ip", "link", "add", a, "netns", a, *peer])
        for side in _SIDES:
            name = self._names[side]
            address = ["addr", "add", f"{_ADDRESSES[side]}/24", "dev", name]
            await anyio.run_process(["ip", "-n", name, *address])
            await anyio.run_process(["ip", "-n", name, "link", "set", "lo", "up"])
            await self._link(side, "up")

    async def _link(self, side: Side, state: Literal["up", "down"]) -> None:
        name = self._names[side]
        await anyio.run_process(["ip", "-n", name, "link", "set", name, state])


class SilencedProxy:
    """A TCP proxy on loopback between clients and a gateway, which can fall silent."""

    what = "a TCP proxy on loopback before a gateway, fallen silent"

    def __init__(self, port: int) -> None:
        self._port = port
        self._target: tuple[str, int] = ("127.0.0.1", 0)
        self._is_open = anyio.Event()
        self._is_open.set()

    def prefix(self, side: Side) -> tuple[str, ...]:  # noqa: ARG002  all on one machine
        """Return nothing: both sides are this machine."""
        return ()

    def settings(self, side: Side, join: tuple[str, ...]) -> dict[str, Any]:  # noqa: ARG002
        """Return the settings of a node: the first is the gateway, all others are its clients."""
        return {"join": join, "gateway": not join, "client": bool(join)}

    def way_to(self, endpoint: str, side: Side) -> str:
        """Return the endpoint itself, or the proxy before it."""
        if side == "a":
            return endpoint
        host, _, port = endpoint.removeprefix("tcp/").rpartition(":")
        self._target = (host, int(port))
        return f"tcp/127.0.0.1:{self._port}"

    async def cut(self) -> None:
        """Fall silent; connections stay open, as behind a cable that was pulled."""
        self._is_open = anyio.Event()

    async def mend(self) -> None:
        """Speak again."""
        self._is_open.set()

    async def carry(self, client: SocketStream) -> None:
        """Carry one connection to its end."""
        async with client:
            await self._is_open.wait()
            server = await anyio.connect_tcp(*self._target)
            async with server, anyio.create_task_group() as group:
                group.start_soon(self._pump, client, server, group.cancel_scope)
                group.start_soon(self._pump, server, client, group.cancel_scope)

    async def _pump(
        self, source: SocketStream, target: SocketStream, both: anyio.CancelScope
    ) -> None:
        try:
            while True:
                data = await source.receive(_CHUNK_BYTES)
                await self._is_open.wait()
                await target.send(data)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            both.cancel()


@asynccontextmanager
async def open_proxy() -> AsyncGenerator[SilencedProxy]:
    """Yield a proxy that listens."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    proxy = SilencedProxy(listener.extra(SocketAttribute.local_port))  # noqa: S610  not Django
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, proxy.carry)
        yield proxy
        group.cancel_scope.cancel()
