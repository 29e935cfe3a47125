"""Lanes: small frames go at once, until order or a peer that does not read forbids it."""

import pytest

from modelnet.transport.wire import LIGHT_BYTES, SMALL_BYTES, Lane, Traffic

pytestmark = pytest.mark.anyio

SMALL, LARGE = bytes(10), bytes(SMALL_BYTES + 1)


class Lanes:
    """Notes which lane each frame took."""

    def __init__(self):
        self.taken = []

    def send(self, *_):
        self.taken.append("small")

    async def send_large(self, *_):
        self.taken.append("large")


async def test_from_the_first_large_frame_on_a_conversation_keeps_to_its_lane():
    wire = Lanes()
    lane, other = Lane(wire, Traffic(), "a"), Lane(wire, Traffic(), "a")
    for frame in (SMALL, LARGE, SMALL):
        await lane.send(frame)
    await other.send(SMALL)
    assert wire.taken == ["small", "large", "large", "small"]


async def test_a_peer_that_does_not_read_is_sent_to_aside():
    wire, traffic = Lanes(), Traffic()
    slow, before, quick = (Lane(wire, traffic, peer) for peer in ("slow", "slow", "quick"))
    traffic.add("slow", LIGHT_BYTES + 1)
    await slow.send(SMALL)
    await quick.send(SMALL)
    traffic.add("slow", -LIGHT_BYTES)
    await before.send(SMALL)
    await slow.send(SMALL)
    assert wire.taken == ["large", "small", "small", "large"]


def test_nothing_is_kept_of_peers_without_traffic():
    traffic = Traffic()
    traffic.add("a", 5)
    traffic.add("a", -5)
    assert not traffic.is_heavy("a")
    assert not traffic._unread_bytes
