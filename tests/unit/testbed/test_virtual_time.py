"""Virtual time: hours in milliseconds, in order, and a stall is an error, not a hang."""

import time

import anyio
import pytest

from modelnet.testbed.virtual_time import EPOCH, StalledError, run_virtual, virtual_clock


def test_an_hour_passes_in_no_time():
    async def main():
        begin = virtual_clock()
        for _ in range(360):
            await anyio.sleep(10)
        return begin, virtual_clock()

    started = time.monotonic()
    begin, end = run_virtual(main)
    assert begin == EPOCH
    assert end - begin == pytest.approx(3600)
    assert time.monotonic() - started < 5


def test_timers_fire_in_order_at_their_times():
    async def main(delays):
        seen = []

        async def note(delay_s):
            await anyio.sleep(delay_s)
            seen.append((delay_s, anyio.current_time()))

        async with anyio.create_task_group() as tasks:
            for delay_s in delays:
                tasks.start_soon(note, delay_s)
        return seen

    assert run_virtual(main, (3.0, 1.0, 2.0)) == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]


def test_deadlines_are_met_on_virtual_time():
    async def main():
        with anyio.move_on_after(7200) as scope:
            await anyio.sleep_forever()
        return scope.cancelled_caught, anyio.current_time()

    assert run_virtual(main) == (True, 7200)


def test_a_stall_is_an_error_that_says_so():
    async def main():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            await anyio.Event().wait()

    with pytest.raises(StalledError, match="no timer is set"):
        run_virtual(main)


def test_errors_pass_through():
    async def main():
        raise KeyError("x")

    with pytest.raises(KeyError):
        run_virtual(main)
