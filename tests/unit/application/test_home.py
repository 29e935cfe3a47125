"""Whose a data directory is."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from modelnet.application.home import settle
from modelnet.trust.key import NodeKey

pytestmark = pytest.mark.anyio


async def test_a_node_keeps_its_key(tmp_path: Path):
    async with AsyncExitStack() as stack:
        first, is_at_home = settle(stack, tmp_path / "data", None)
        assert is_at_home
    async with AsyncExitStack() as stack:
        assert settle(stack, tmp_path / "data", None)[0].node == first.node


async def test_a_guest_has_another_for_one_life(tmp_path: Path):
    async with AsyncExitStack() as stack:
        host, _ = settle(stack, tmp_path, None)
        guest, is_at_home = settle(stack, tmp_path, None)
        assert not is_at_home
        assert guest.node != host.node


async def test_who_brings_the_key_of_the_house_is_at_home(tmp_path: Path):
    async with AsyncExitStack() as stack:
        assert settle(stack, tmp_path, NodeKey.generate())[1] is False
        own, _ = settle(stack, tmp_path, None)
        assert settle(stack, tmp_path, own) == (own, True)
