"""Both ways of asking are really asked, equally often, and no more at once than told."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio.lowlevel
import pytest

from modelnet.core.request import Chat, Message
from modelnet.resource.backend.scripted import ScriptedModel
from modelnet.testbed.bench.engine.measure import Effort, Pair, loads_of

pytestmark = pytest.mark.anyio
CHAT = Chat((Message("user", "one two three"),))
EFFORT = Effort(counts=(1, 3), rounds=2, requests=6)


class Direct:
    """An engine asked directly: counts."""

    def __init__(self) -> None:
        self.asked = self.running = self.most = 0
        self._lock = threading.Lock()

    def call(self) -> None:
        with self._lock:
            self.asked += 1

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        yield self.ask

    async def ask(self) -> None:
        self.asked += 1
        self.running += 1
        self.most = max(self.most, self.running)
        await anyio.lowlevel.checkpoint()
        self.running -= 1


@pytest.mark.parametrize("is_http", [False, True])
async def test_both_ways_are_asked_alike(is_http: bool):
    model, direct = ScriptedModel(), Direct()
    await model.start()
    way = {"open_lane": direct.lane} if is_http else {"call": direct.call}
    loads = await loads_of(Pair(name="x", model=model, request=CHAT, **way), EFFORT)
    asked = sum(count + EFFORT.rounds * EFFORT.requests for count in EFFORT.counts)
    # What can be called is called by plain threads and by those of an event loop.
    assert direct.asked == (asked if is_http else 2 * asked)
    assert len(model.requests) == asked + 1
    assert list(loads) == [1, 3]
    assert all((load.executor is None) is is_http for load in loads.values())
    assert all(load.adapter.tokens_per_s > 0 for load in loads.values())
    if is_http:
        assert direct.most == 3
    await model.stop()
