"""Whom a node looks for after a cut, how often, and for how long."""

import errno
from contextlib import asynccontextmanager

import anyio
import pytest

from modelnet.testbed.virtual_time import run_virtual
from modelnet.transport.zenoh import healing
from modelnet.transport.zenoh.endpoint import Endpoint
from modelnet.transport.zenoh.healing import (
    FORGET_AFTER_S,
    KNOCKS_AT_ONCE,
    MAX_LOST,
    Healer,
    Lost,
    LostPeers,
)


def lost(number, since_s=0.0):
    return Lost(f"node-{number}", Endpoint("tcp", "192.0.2.7", 1 + number), since_s)


class TestLostPeers:
    def test_rounds_take_turns(self):
        peers = LostPeers()
        for number in range(KNOCKS_AT_ONCE + 3):
            peers.add(lost(number))
        first, second = peers.next_round(0.0), peers.next_round(0.0)
        assert [peer.node for peer in first] == [f"node-{n}" for n in range(KNOCKS_AT_ONCE)]
        assert [peer.node for peer in second[:3]] == [
            f"node-{n}" for n in range(KNOCKS_AT_ONCE, KNOCKS_AT_ONCE + 3)
        ]

    def test_the_found_and_the_long_lost_are_forgotten(self):
        peers = LostPeers()
        peers.add(lost(1, 0.0))
        peers.add(lost(2, 10.0))
        peers.remove("node-2")
        peers.remove("node-never")
        assert peers.next_round(FORGET_AFTER_S) == [lost(1, 0.0)]
        assert peers.next_round(FORGET_AFTER_S + 1) == []
        assert not peers

    def test_there_are_never_too_many(self):
        peers = LostPeers()
        for number in range(MAX_LOST + 5):
            peers.add(lost(number, float(number)))
        assert lost(4, 4.0) not in peers
        assert lost(5, 5.0) in peers


class Lan:
    """Answers to knocks as scripted, and what the healer did, on virtual time."""

    def __init__(self, monkeypatch, answers):
        self.answers = answers
        self.knocked, self.introduced = [], []
        self.healer = Healer(self.introducing)
        monkeypatch.setattr(healing, "knock_all", self.knock_all)

    async def knock_all(self, endpoints):
        self.knocked.append((anyio.current_time(), {endpoint.port for endpoint in endpoints}))
        return {endpoint: self.answers.get(endpoint.port) for endpoint in endpoints}

    @asynccontextmanager
    async def introducing(self, endpoints):
        self.introduced.append([endpoint.port for endpoint in endpoints])
        for endpoint in endpoints:
            self.healer.find(f"node-{endpoint.port - 1}")
        yield

    async def run(self, duration_s, *lost_peers):
        with anyio.move_on_after(duration_s):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.healer.run)
                for peer in lost_peers:
                    self.healer.lose(peer.node, peer.endpoint)


SILENT = TimeoutError()
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "refused")


@pytest.mark.parametrize(
    ("answer", "knocks", "introduced"),
    [(None, 1, [[2]]), (REFUSED, 1, []), (SILENT, 9, [])],
    ids=["answers: introduced once", "refuses: it is gone", "is silent: try on"],
)
def test_what_becomes_of_a_lost_peer_that(monkeypatch, answer, knocks, introduced):
    lan = Lan(monkeypatch, {2: answer})
    run_virtual(lan.run, 9.5, lost(1))
    assert len(lan.knocked) == knocks
    assert lan.introduced == introduced


def test_nobody_lost_nobody_sought(monkeypatch):
    lan = Lan(monkeypatch, {})
    run_virtual(lan.run, 100)
    assert lan.knocked == []
