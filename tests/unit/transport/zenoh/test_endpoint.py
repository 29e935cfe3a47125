"""Endpoints: read strictly, refused in one clear sentence."""

import socket

import anyio
import anyio.abc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import AddressError
from modelnet.transport.zenoh import endpoint as module
from modelnet.transport.zenoh.endpoint import (
    Endpoint,
    choose_port,
    find_answering,
    knock_all,
    parse_endpoint,
    reachable,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tcp/127.0.0.1:7447", Endpoint("tcp", "127.0.0.1", 7447)),
        ("tcp/node-1.example.org:1", Endpoint("tcp", "node-1.example.org", 1)),
        ("tcp/[::1]:65535", Endpoint("tcp", "::1", 65535)),
        ("tcp/0.0.0.0:0", Endpoint("tcp", "0.0.0.0", 0)),
    ],
)
def test_an_endpoint_is_read_and_written(text, expected):
    assert parse_endpoint(text, "tcp") == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    "text",
    [
        *["", "7447", "127.0.0.1:7447", "tcp/127.0.0.1", "tcp/:80", "tcp/a:65536", "udp/a:1"],
        *["tcp/a b:1", "tcp/a:1#config=1", "tcp/a:1?meta=1", "tcp/a:1\n", "tcp/a:-1"],
        *["tcp/[a:1", "tcp/é:1"],
    ],
)
def test_what_is_no_endpoint_is_refused_with_an_example(text):
    with pytest.raises(AddressError, match=r"write it like tcp/127\.0\.0\.1:7447"):
        parse_endpoint(text, "tcp")


@pytest.mark.parametrize(("scheme", "told"), [("tcp", "without"), ("tls", "with an")])
def test_the_scheme_must_fit_the_network(scheme, told):
    other = {"tcp": "tls", "tls": "tcp"}[scheme]
    with pytest.raises(AddressError, match=f"{told}.*write {scheme}/ instead of {other}/"):
        parse_endpoint(f"{other}/a:1", scheme)


@given(st.text(max_size=40))
def test_any_text_is_an_endpoint_or_an_address_error(text):
    try:
        endpoint = parse_endpoint(text, "tcp")
    except AddressError:
        return
    assert parse_endpoint(str(endpoint), "tcp") == endpoint


@pytest.mark.parametrize(
    ("host", "is_loopback", "is_wildcard"),
    [
        ("127.0.0.1", True, False),
        ("127.9.9.9", True, False),
        ("::1", True, False),
        ("localhost", True, False),
        ("0.0.0.0", False, True),
        ("::", False, True),
        ("192.0.2.7", False, False),
        ("example.org", False, False),
    ],
)
def test_who_can_reach_it(host, is_loopback, is_wildcard):
    endpoint = Endpoint("tcp", host, 1)
    assert (endpoint.is_loopback, endpoint.is_wildcard) == (is_loopback, is_wildcard)


def test_a_wildcard_is_reached_at_an_address_of_this_machine():
    assert reachable(Endpoint("tcp", "192.0.2.7", 5)) == Endpoint("tcp", "192.0.2.7", 5)
    for host in ("0.0.0.0", "::"):
        found = reachable(Endpoint("tcp", host, 5))
        assert not found.is_wildcard
        assert found.port == 5


def test_port_zero_becomes_a_free_port():
    chosen = choose_port(Endpoint("tcp", "127.0.0.1", 0))
    assert chosen.port > 0
    assert choose_port(chosen) == chosen


def test_a_port_in_use_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        used = Endpoint("tcp", "127.0.0.1", server.getsockname()[1])
        with pytest.raises(AddressError, match="the port is in use"):
            choose_port(used)


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(AddressError, match="this machine has no such address"):
        choose_port(Endpoint("tcp", "192.0.2.7", 0))


def test_a_name_nobody_knows_is_refused():
    with pytest.raises(AddressError, match="Cannot listen"):
        choose_port(Endpoint("tcp", "no such name", 0))


@pytest.mark.anyio
class TestKnocking:
    @pytest.fixture
    def dead(self):
        with socket.socket() as unheard:
            unheard.bind(("127.0.0.1", 0))
            yield Endpoint("tcp", "127.0.0.1", unheard.getsockname()[1])

    @pytest.fixture
    def live(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield Endpoint("tcp", "127.0.0.1", server.getsockname()[1])

    async def test_who_answers_is_told_from_who_refuses(self, live, dead):
        outcomes = await knock_all([live, dead])
        assert outcomes[live] is None
        assert isinstance(outcomes[dead], ConnectionRefusedError)

    async def test_joining_needs_one_that_answers(self, live, dead):
        assert await find_answering((dead, live)) == {live}

    async def test_nobody_answers(self, dead, monkeypatch):
        monkeypatch.setattr(module, "JOIN_TIMEOUT_S", 0.2)
        with pytest.raises(AddressError, match=f"{dead}: connection refused"):
            await find_answering((dead,))

    async def test_silence_is_no_answer(self, dead, monkeypatch):
        monkeypatch.setattr(module, "KNOCK_TIMEOUT_S", 0.01)
        monkeypatch.setattr(anyio, "connect_tcp", lambda *_: anyio.sleep_forever())
        assert isinstance((await knock_all([dead]))[dead], TimeoutError)
