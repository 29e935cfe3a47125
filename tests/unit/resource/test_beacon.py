"""The beacon tells how busy a node is and what its machine has, when that changes."""

import threading
from contextlib import aclosing, asynccontextmanager

import anyio
import msgspec
import pytest

from modelnet.core.load import Load, ModelLoad
from modelnet.core.machine import Machine
from modelnet.core.request import Chat, Message
from modelnet.resource import beacon
from modelnet.resource.backend.scripted import Hangs, ScriptedModel, scripted_card
from modelnet.resource.beacon import Beacon
from modelnet.resource.host import Host
from modelnet.resource.watcher import Watcher
from modelnet.testbed.virtual_time import run_virtual, virtual_clock
from modelnet.transport.memory import MemoryHub, MemoryNetwork
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey

GIB = 1024**3
CHAT = Chat((Message("user", "hello"),))
SEEN = Machine(cores=2, memory_bytes=32 * GIB, memory_free_bytes=16 * GIB)


@asynccontextmanager
async def beaming(clock, look=None):
    """A node that serves a model of one place which never answers, and tells of it."""
    key = NodeKey.generate()
    network = MemoryNetwork(MemoryHub(seed=1), Envelope(key, clock), clock)
    heard = []
    watcher = Watcher(key.node, clock, heard.append)
    host = Host(clock)
    model = ScriptedModel(card=scripted_card("m", parallel=1), failure=Hangs(0))
    await model.start()
    host.add(model)
    async with network, anyio.create_task_group() as group:
        group.start_soon(Beacon(host, network, watcher, look).run)
        yield host, watcher, heard
        group.cancel_scope.cancel()


def load_of(watcher: Watcher) -> Load:
    return watcher.directory.entries[watcher.directory.self_id].load


def test_it_tells_when_something_changed_and_only_then():
    async def main() -> None:
        async with beaming(virtual_clock) as (host, watcher, heard):
            await anyio.sleep(10)
            assert len(heard) == 1
            with anyio.move_on_after(5):
                running = host.get("m").run(CHAT, deadline=virtual_clock() + 60)
                async with aclosing(running) as chunks:
                    await anext(chunks)
            assert load_of(watcher) == Load({"m": ModelLoad(1, 0, 1, begun=1)})
            await anyio.sleep(1)
            assert load_of(watcher) == Load({"m": ModelLoad(0, 0, 1, begun=1)})
            assert len(heard) == 3

    run_virtual(main)


@pytest.mark.anyio
async def test_it_tells_of_the_machine_in_steps(monkeypatch):
    monkeypatch.setattr(beacon, "INTERVAL_S", 0.01)
    monkeypatch.setattr(beacon, "MACHINE_INTERVAL_S", 0.01)
    free = iter([16 * GIB, 16 * GIB + 1, 16 * GIB + 2, 8 * GIB])
    last = [16 * GIB]

    def look() -> Machine:
        last[0] = next(free, last[0])
        return msgspec.structs.replace(SEEN, memory_free_bytes=last[0])

    async with beaming(anyio.current_time, look) as (_, watcher, heard):
        with anyio.fail_after(10):
            while not (load_of(watcher).machine and last[0] == 8 * GIB):
                await watcher.wait()
            while load_of(watcher).machine.memory_free_bytes != 8 * GIB:
                await watcher.wait()
    told = [event.load.machine for event in heard if event.load.machine is not None]
    assert {machine.memory_free_bytes for machine in told} <= {16 * GIB, 8 * GIB}


@pytest.mark.anyio
async def test_a_driver_that_hangs_holds_up_neither_the_beacon_nor_the_end():
    released = threading.Event()

    def hang() -> Machine:
        released.wait(20)
        return SEEN

    try:
        with anyio.fail_after(10):
            async with beaming(anyio.current_time, hang) as (_, watcher, heard):
                while not heard:
                    await watcher.wait()
                assert load_of(watcher) == Load({"m": ModelLoad(0, 0, 1)})
    finally:
        released.set()
