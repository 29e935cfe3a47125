"""A response that comes piece by piece."""

import asyncio

import anyio
import pytest

from modelnet.resource.backend.http.response import BrokenError, Response

pytestmark = pytest.mark.anyio


async def test_nothing_is_read_after_its_time():
    """A fast server has always sent more by then; part of that would be an answer with a hole."""
    response = Response(asyncio.Transport())
    with response.within(0.0):
        response.feed(b"early")
        await anyio.wait_all_tasks_blocked()
        response.feed(b"late")
        with pytest.raises(BrokenError):
            await response.read()
