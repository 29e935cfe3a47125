"""Sealed messages: every way in which one may not be believed has its own error."""

import math
from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.core.error import (
    MalformedError,
    MessageError,
    RecipientError,
    ReplayError,
    SignatureError,
    StaleError,
    VersionError,
)
from modelnet.core.identity import RequestId, new_request_id
from modelnet.core.sealed import Opened
from modelnet.transport.guard import Guard
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey

KINDS = ["ask", "end", "error", "cancel", "state"]
NOW = 1_700_000_000.0
ID = RequestId("00112233445566778899aabbccddeeff")

alice_key, bob_key, carol_key = (NodeKey.from_seed(bytes([n]) * 32) for n in (1, 2, 3))


class Clock:
    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def alice(clock) -> Guard:
    return Envelope(alice_key, clock)


@pytest.fixture
def bob(clock) -> Guard:
    return Envelope(bob_key, clock)


def sealed_by(key, kind="ask", /, *, prefix=None, **changed):
    """Return a message sealed by hand, as `docs/protocol.md` describes it."""
    fields = {
        "version": 1,
        "kind": kind,
        "id": ID,
        "from": key.node,
        "to": None if kind == "state" else bob_key.node,
        "sent_at": NOW,
        "deadline": NOW + 5,
        "body": b"hi",
    }
    content = msgspec.msgpack.encode([*(fields | changed).values()])
    return content + key.sign((prefix or f"modelnet/1/{kind}").encode() + content)


def test_a_message_opens_for_its_recipient_as_it_was_sealed(alice, bob):
    sealed = alice.seal("ask", b"question", to=bob.node, id=ID, deadline=NOW + 5)
    assert bob.open("ask", sealed) == Opened(
        id=ID, sender=alice.node, sent_at=NOW, deadline=NOW + 5, body=b"question"
    )


@pytest.mark.parametrize("kind", KINDS)
@given(body=st.binary(max_size=300), deadline=st.integers(0, 2**40))
@settings(deadline=None)
def test_what_is_sealed_is_what_the_document_says(kind, body, deadline):
    alice, bob = Envelope(alice_key, Clock()), Envelope(bob_key, Clock())
    to = None if kind == "state" else bob.node
    sealed = alice.seal(kind, body, to=to, id=ID, deadline=deadline)
    assert sealed == sealed_by(alice_key, kind, body=body, deadline=float(deadline))
    assert bob.open(kind, sealed).body == body


@pytest.mark.parametrize(("kind", "other"), list(permutations(KINDS, 2)))
def test_a_seal_of_one_kind_never_opens_as_another(bob, kind, other):
    sealed = sealed_by(alice_key, kind, to=bob.node)
    relabelled = sealed_by(alice_key, kind, kind=other, prefix=f"modelnet/1/{kind}")
    with pytest.raises(MalformedError, match=f"of kind '{kind}', not '{other}'"):
        bob.open(other, sealed)
    with pytest.raises(SignatureError):
        bob.open(other, relabelled)


def test_the_key_signs_nothing_else_that_would_open(bob):
    with pytest.raises(SignatureError):
        bob.open("ask", sealed_by(alice_key, prefix="modelnet/2/ask"))


@pytest.mark.parametrize("version", [0, 2, 127])
def test_another_version_is_refused_naming_both(bob, version):
    with pytest.raises(VersionError, match=f"version {version} and this node speaks version 1"):
        bob.open("ask", sealed_by(alice_key, version=version))


def test_a_later_version_may_look_different_behind_its_number(bob):
    with pytest.raises(VersionError):
        bob.open("ask", msgspec.msgpack.encode([2, {"quite": "different"}]) + bytes(64))


@pytest.mark.parametrize("at", [3, 10, 60, 120, -65, -64, -1])
def test_a_changed_byte_breaks_the_message(bob, at):
    sealed = bytearray(sealed_by(alice_key, body=b"x" * 100))
    sealed[at] ^= 1
    with pytest.raises((SignatureError, MalformedError)):
        bob.open("ask", bytes(sealed))


def test_nobody_speaks_in_the_name_of_another(bob):
    with pytest.raises(SignatureError, match=alice_key.node[-8:]):
        bob.open("ask", sealed_by(carol_key, **{"from": alice_key.node}))


@pytest.mark.parametrize("kind", ["ask", "end", "error", "cancel"])
@pytest.mark.parametrize("to", [None, carol_key.node, alice_key.node])
def test_a_message_for_another_is_refused(bob, kind, to):
    with pytest.raises(RecipientError, match=f"not for node {bob.node[-8:]}"):
        bob.open(kind, sealed_by(alice_key, kind, to=to))


def test_a_state_is_for_everybody(bob):
    with pytest.raises(RecipientError, match="not for everybody"):
        bob.open("state", sealed_by(alice_key, "state", to=bob.node))


@pytest.mark.parametrize("kind", ["ask", "cancel"])
@pytest.mark.parametrize(
    ("off_s", "direction"), [(-600, "behind"), (-30.01, "behind"), (30.01, "ahead of")]
)
def test_a_clock_that_is_off_is_refused_saying_by_how_much(bob, kind, off_s, direction):
    with pytest.raises(StaleError) as refused:
        bob.open(kind, sealed_by(alice_key, kind, sent_at=NOW + off_s))
    said = refused.value.message
    assert f"node {alice_key.node[-8:]} is {abs(off_s):.0f} s {direction}" in said
    assert f"that of node {bob.node[-8:]}" in said
    assert "set it with NTP" in said


@pytest.mark.parametrize("kind", ["ask", "cancel"])
@pytest.mark.parametrize("off_s", [-30, 0, 30])
def test_half_a_minute_is_forgiven(bob, kind, off_s):
    assert bob.open(kind, sealed_by(alice_key, kind, sent_at=NOW + off_s)).sent_at == NOW + off_s


@pytest.mark.parametrize("kind", ["end", "error", "state"])
def test_what_is_bound_in_other_ways_may_be_old_and_come_twice(bob, kind):
    sealed = sealed_by(alice_key, kind, sent_at=NOW - 3600)
    assert bob.open(kind, sealed) == bob.open(kind, sealed)


@pytest.mark.parametrize("kind", ["ask", "cancel"])
def test_a_replayed_message_is_refused_as_long_as_it_is_not_stale(bob, clock, kind):
    sealed = sealed_by(alice_key, kind)
    bob.open(kind, sealed)
    for later_s in (0, 1, 29.9, 30):
        clock.now = NOW + later_s
        with pytest.raises(ReplayError, match="draw a fresh id"):
            bob.open(kind, sealed)
    clock.now = NOW + 30.1
    with pytest.raises(StaleError):
        bob.open(kind, sealed)


def test_a_request_may_be_cancelled_by_its_own_id(bob):
    bob.open("ask", sealed_by(alice_key, "ask"))
    bob.open("cancel", sealed_by(alice_key, "cancel"))


def test_forged_messages_do_not_use_up_ids(bob):
    with pytest.raises(SignatureError):
        bob.open("ask", sealed_by(carol_key, **{"from": alice_key.node}))
    bob.open("ask", sealed_by(alice_key))


@pytest.mark.parametrize(
    "changed",
    [
        {"id": ""},
        {"id": ID.upper()},
        {"id": ID + "\n"},
        {"id": "0" * 1000},
        {"kind": "gossip"},
        {"from": "alice"},
        {"sent_at": math.nan},
        {"sent_at": math.inf},
        {"deadline": -math.inf},
        {"deadline": math.nan},
        {"sent_at": int(NOW)},
        {"sent_at": "now"},
        {"body": "text"},
        {"body": None},
        {"to": 7},
        {"extra": 1},
    ],
    ids=str,
)
def test_a_signed_message_of_the_wrong_form_is_malformed(bob, changed):
    with pytest.raises(MalformedError):
        bob.open("ask", sealed_by(alice_key, **changed))


def test_only_the_canonical_form_is_taken(bob):
    content = sealed_by(alice_key)[:-64]
    # The same array with its body in a longer form of binary: 0xc5 and two bytes of length.
    longer = content.removesuffix(b"\xc4\x02hi") + b"\xc5\x00\x02hi"
    assert msgspec.msgpack.decode(longer) == msgspec.msgpack.decode(content)
    with pytest.raises(MalformedError, match="canonical"):
        bob.open("ask", longer + alice_key.sign(b"modelnet/1/ask" + longer))


@pytest.mark.parametrize("garbage", [b"", b"\x98", b"\x98\x01", b"\x98\x01" * 40, bytes(200)])
def test_garbage_is_malformed(bob, garbage):
    with pytest.raises(MalformedError, match=r"not a sealed message"):
        bob.open("ask", garbage)


GENUINE = sealed_by(alice_key, body=b"x" * 40)
damaged = st.builds(
    lambda start, end, middle: GENUINE[:start] + middle + GENUINE[end:],
    st.integers(0, len(GENUINE)),
    st.integers(0, len(GENUINE)),
    st.binary(max_size=12),
)


@given(st.binary(max_size=400) | damaged, st.sampled_from(KINDS))
@settings(deadline=None)
def test_any_bytes_open_or_raise_a_message_error(data, kind):
    bob = Envelope(bob_key, Clock())
    try:
        bob.open(kind, data)
    except MessageError as error:
        assert type(error) is not MessageError  # noqa: PT017 - a subclass says which
    else:
        assert data == GENUINE


def test_fresh_ids_are_taken_as_they_come(alice, bob):
    for _ in range(100):
        bob.open("ask", alice.seal("ask", b"", to=bob.node, id=new_request_id(), deadline=NOW))
