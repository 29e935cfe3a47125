"""Presence: signed, newest only, and never more than data."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import MalformedError, MessageError, SignatureError
from modelnet.core.identity import new_request_id
from modelnet.transport.frame import Announcement, encode
from modelnet.transport.zenoh.endpoint import Endpoint
from modelnet.transport.zenoh.presence import Presence, Tokens, read, show
from modelnet.transport.zenoh.settings import Keys, ZenohSettings, multicast_address
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey

NOW = 1_800_000_000.0
PLACE = Endpoint("tcp", "192.0.2.7", 7447)


def clock():
    return NOW


guard = Envelope(NodeKey.from_seed(b"1" * 32), clock)
reader = Envelope(NodeKey.from_seed(b"2" * 32), clock)


@pytest.mark.parametrize("place", [PLACE, None])
def test_what_is_shown_is_read(place):
    presence = read(reader, show(guard, clock, place), "tcp")
    assert (presence.node, presence.sent_at, presence.endpoint) == (guard.node, NOW, place)


def test_two_showings_are_two_incarnations():
    chunks = [show(guard, clock, None) for _ in range(2)]
    assert len({read(reader, chunk, "tcp").incarnation for chunk in chunks}) == 2


def test_a_chunk_may_stand_in_a_key():
    assert set(show(guard, clock, PLACE)).isdisjoint("/*$?#=")


def test_an_endpoint_that_does_not_fit_the_network_is_left_out():
    assert read(reader, show(guard, clock, PLACE), "tls").endpoint is None


def test_a_presence_with_a_broken_seal_is_refused():
    chunk = show(guard, clock, PLACE)
    with pytest.raises(SignatureError):
        read(reader, chunk[:-4] + "AAAA", "tcp")


def test_a_card_is_no_presence():
    import base64

    body = encode(Announcement("card", b"x"))
    sealed = guard.seal("state", body, to=None, id=new_request_id(), deadline=NOW)
    with pytest.raises(MalformedError, match="announces something else"):
        read(reader, base64.urlsafe_b64encode(sealed).decode(), "tcp")


@given(st.text(max_size=80))
def test_any_chunk_is_read_or_refused(chunk):
    with suppress(MessageError):
        read(reader, chunk, "tcp")


class TestTokens:
    def presence(self, incarnation, sent_at):
        return Presence("a", incarnation, sent_at, None)

    def test_of_a_node_the_newest_counts(self):
        tokens = Tokens()
        assert tokens.appear("x", self.presence("1", 1.0))
        assert not tokens.appear("old", self.presence("0", 0.5))
        assert tokens.appear("y", self.presence("2", 2.0))
        assert "a" in tokens
        assert tokens.vanish("old") is None
        assert tokens.vanish("x") == self.presence("1", 1.0)
        assert "a" in tokens
        assert tokens.vanish("y") == self.presence("2", 2.0)
        assert "a" not in tokens
        assert tokens.vanish("y") is None

    def test_after_it_left_an_older_one_may_come(self):
        tokens = Tokens()
        tokens.appear("y", self.presence("2", 2.0))
        tokens.vanish("y")
        assert tokens.appear("x", self.presence("1", 1.0))


def test_keys_hold_the_version_and_keep_networks_apart():
    ours, theirs = Keys("ours"), Keys("any name: */?#$ works")
    assert ours.state.startswith("modelnet/1/")
    assert ours.state != theirs.state
    for keys in (ours, theirs):
        assert set(keys.token("chunk") + keys.inbox("did:key:z6Mk") + keys.state).isdisjoint("*?#$")
        assert keys.tokens.endswith("/here/*")


def test_each_network_calls_in_a_group_of_its_own():
    assert multicast_address("ours") == multicast_address("ours")
    assert multicast_address("ours") != multicast_address("theirs")
    assert multicast_address("ours").startswith("239.")


def test_the_scheme_follows_the_secrets():
    assert ZenohSettings().scheme == "tcp"
