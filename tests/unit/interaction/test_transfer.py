"""A transfer goes on as long as anybody follows it."""

from contextlib import aclosing

import anyio
import pytest

from modelnet.core.error import PeerLostError
from modelnet.interaction.transfer import Pulled, Transfer
from modelnet.resource.copy.call import Progress

pytestmark = pytest.mark.anyio

PULLED = Pulled(model="m", digest="ab" * 32, size_bytes=2, is_served=True)


async def test_who_follows_hears_the_newest_and_the_end():
    transfer, heard = Transfer(), []

    async def follow() -> None:
        heard.extend([step async for step in transfer.follow()])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        await anyio.wait_all_tasks_blocked()
        transfer.tell(Progress(0, 2))
        transfer.tell(Progress(1, 2))
        await anyio.wait_all_tasks_blocked()
        transfer.end(PULLED)
    assert heard == [Progress(1, 2), PULLED]
    assert transfer.is_over


async def test_a_late_follower_hears_where_it_is():
    transfer = Transfer()
    transfer.tell(Progress(1, 2))
    async with aclosing(transfer.follow()) as steps:
        assert await anext(steps) == Progress(1, 2)


async def test_a_failure_is_raised_to_everyone():
    transfer = Transfer()
    transfer.end(PeerLostError("gone"))
    for _ in range(2):
        with pytest.raises(PeerLostError, match="gone"):
            await anext(transfer.follow())


async def test_it_is_stopped_when_the_last_follower_leaves():
    transfer = Transfer()
    transfer.tell(Progress(1, 2))
    one, two = transfer.follow(), transfer.follow()
    await anext(one)
    await anext(two)
    await one.aclose()
    assert not transfer.is_over
    await two.aclose()
    assert transfer.scope.cancel_called
    assert transfer.is_over
