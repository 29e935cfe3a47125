"""A response that comes piece by piece."""

import asyncio

import pytest

from modelnet.resource.backend.http.response import BrokenError, Response

pytestmark = pytest.mark.anyio


async def test_nothing_is_read_after_its_time():
    """A fast server has always sent more by then; part of that would be an answer with a hole."""
    response = Response(asyncio.Transport())
    is_later = asyncio.Event()
    with response.within(0.0):
        response.feed(b"early")
        asyncio.get_running_loop().call_later(0.001, is_later.set)
        await is_later.wait()
        response.feed(b"late")
        with pytest.raises(BrokenError):
            await response.read()
