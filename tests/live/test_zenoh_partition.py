"""A network that is really cut: nodes in network namespaces of their own on one bridge."""

import os
import shutil
import subprocess
from contextlib import suppress

import anyio
import pytest

from tests.live.zenoh_process import nodes_of_a_test

pytestmark = [pytest.mark.anyio, pytest.mark.live, pytest.mark.slow]

HEALED_WITHIN_S = 45.0
"""That it heals is what is tested here; how soon is for the bench to measure."""


def sh(*commands):
    for command in commands:
        subprocess.run(command.split(), check=True, capture_output=True)


class Lan:
    """Namespaces on a bridge, whose plugs can be pulled."""

    def __init__(self, size):
        self._tag = f"mn{os.getpid() % 10000}"
        self.namespaces = [f"{self._tag}n{index}" for index in range(size)]
        self._hub = f"{self._tag}hub"

    def build(self):
        for name in (self._hub, *self.namespaces):
            sh(f"ip netns add {name}", f"ip -n {name} link set lo up")
        sh(f"ip -n {self._hub} link add br0 type bridge", f"ip -n {self._hub} link set br0 up")
        for index, name in enumerate(self.namespaces):
            sh(
                f"ip -n {name} link add eth0 type veth peer name p{index} netns {self._hub}",
                f"ip -n {self._hub} link set p{index} master br0 up",
                f"ip -n {name} addr add {self.address(index)}/24 dev eth0",
                f"ip -n {name} link set eth0 up",
            )

    def address(self, index):
        return f"10.87.0.{index + 1}"

    def cut(self, index):
        sh(f"ip -n {self._hub} link set p{index} nomaster")

    def mend(self, index):
        sh(f"ip -n {self._hub} link set p{index} master br0")

    def clear(self):
        for name in (self._hub, *self.namespaces):
            with suppress(subprocess.CalledProcessError):
                sh(f"ip netns del {name}")


@pytest.fixture
def lan():
    if shutil.which("ip") is None:
        pytest.skip("network namespaces need the `ip` command")
    lan = Lan(3)
    try:
        try:
            lan.build()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces are not permitted: {error.stderr.decode().strip()}")
        yield lan
    finally:
        lan.clear()


@pytest.fixture
async def nodes(lan):
    async with nodes_of_a_test() as nodes:
        yield nodes


async def start(lan, nodes, index, **settings):
    return await nodes.start(
        namespace=lan.namespaces[index], listen=[f"tcp/{lan.address(index)}:0"], **settings
    )


async def lose_and_find(lan, index, cut_off, others, *, cut_s):
    lan.cut(index)
    for other in others:
        await other.hears(event="PeerLeft", node=cut_off.node)
    await anyio.sleep(cut_s)
    mended_at = max(other.now() for other in others)
    lan.mend(index)
    for other in others:
        for one, two in ((cut_off, other), (other, cut_off)):
            joined = await one.hears(event="PeerJoined", node=two.node, since=mended_at)
            assert joined["at"] - mended_at < HEALED_WITHIN_S


async def test_a_member_that_was_cut_off_is_whole_again(lan, nodes):
    one = await start(lan, nodes, 0)
    two = await start(lan, nodes, 1, join=one.listen)
    three = await start(lan, nodes, 2, join=one.listen)
    await lose_and_find(lan, 2, three, (one, two), cut_s=1)


async def test_the_founder_that_was_cut_off_is_whole_again(lan, nodes):
    one = await start(lan, nodes, 0)
    two = await start(lan, nodes, 1, join=one.listen)
    three = await start(lan, nodes, 2, join=one.listen)
    await lose_and_find(lan, 0, one, (two, three), cut_s=1)


async def test_without_the_founder_members_find_each_other_again(lan, nodes):
    one = await start(lan, nodes, 0)
    two = await start(lan, nodes, 1, join=one.listen)
    three = await start(lan, nodes, 2, join=one.listen)
    await two.hears(event="PeerJoined", node=three.node)
    one.kill()
    await lose_and_find(lan, 2, three, (two,), cut_s=1)


async def test_nodes_that_met_by_multicast_find_each_other_again(lan, nodes):
    two = await start(lan, nodes, 1, multicast=True)
    three = await start(lan, nodes, 2, multicast=True)
    await two.hears(event="PeerJoined", node=three.node)
    await lose_and_find(lan, 2, three, (two,), cut_s=3)
