"""What threads put arrives once, in order, in batches."""

import asyncio
import threading

import anyio
import pytest

from modelnet.resource.backend.mailbox import Mailbox

pytestmark = pytest.mark.anyio


async def test_everything_arrives_in_order():
    mailbox: Mailbox[int | None] = Mailbox()

    def fill() -> None:
        for number in range(10_000):
            mailbox.put(number)
        mailbox.put_last(None)

    thread = threading.Thread(target=fill)
    thread.start()
    taken: list[int | None] = []
    batches = 0
    with anyio.fail_after(5):
        while None not in taken:
            taken += await mailbox.take()
            batches += 1
    thread.join()
    assert taken == [*range(10_000), None]
    assert batches < 1000


async def test_the_last_item_waits_for_no_batch():
    mailbox: Mailbox[str] = Mailbox()
    mailbox.put("first")
    assert await mailbox.take() == ["first"]
    mailbox.put("held")
    mailbox.put_last("last")
    began = asyncio.get_running_loop().time()
    assert await mailbox.take() == ["held", "last"]
    assert asyncio.get_running_loop().time() - began < 0.003


async def test_an_empty_mailbox_waits():
    mailbox: Mailbox[str] = Mailbox()
    with anyio.move_on_after(0.02) as scope:
        await mailbox.take()
    assert scope.cancelled_caught


def test_putting_after_the_loop_is_closed_does_no_harm():
    async def make() -> Mailbox[str]:
        return Mailbox()

    mailbox = asyncio.run(make())
    mailbox.put("late")
    mailbox.put_last("later")
