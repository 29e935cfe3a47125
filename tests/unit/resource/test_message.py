"""Messages above transport: what does not decode is refused by name, never by a crash."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk, ToolCall
from modelnet.core.error import EngineError, InvalidRequestError, MalformedError, MessageError
from modelnet.core.load import Load, ModelLoad
from modelnet.core.request import Chat, Message
from modelnet.core.standing import Standing, Tally
from modelnet.resource.directory import CardsAnnounced, LoadAnnounced, StandingAnnounced
from modelnet.resource.message import (
    MAX_CARDS,
    ModelCall,
    announce_cards,
    decode_call,
    decode_chunk,
    encode,
    read_announcement,
)
from modelnet.transport.network import PeerAnnounced
from modelnet.trust.key import NodeKey

KEY = NodeKey.from_seed(bytes(32))
OTHER = NodeKey.from_seed(bytes([1]) * 32)
CARD = ModelCard(name="m", operations=("chat",), engine="scripted")


def told(topic, state, node=KEY.node):
    return PeerAnnounced(node, topic, state)


def test_calls_and_chunks_come_back():
    call = ModelCall("m", Chat((Message("user", "hi"),)))
    assert decode_call(encode(call)) == call
    chunk = Chunk(text="x", tool_calls=(ToolCall("1", "look", "{}"),))
    assert decode_chunk(encode(chunk)) == chunk


def test_cards_come_back_signed():
    event = read_announcement(told("card", announce_cards(KEY, "alice", (CARD,))))
    assert event == CardsAnnounced(KEY.node, "alice", (CARD,))


def test_cards_of_another_node_are_refused():
    with pytest.raises(MalformedError, match="another node"):
        read_announcement(told("card", announce_cards(OTHER, "mallory", (CARD,))))


def test_too_many_cards_are_refused():
    cards = (CARD,) * (MAX_CARDS + 1)
    with pytest.raises(MalformedError, match="models"):
        read_announcement(told("card", announce_cards(KEY, "hoarder", cards)))


def test_a_tampered_card_is_refused():
    state = announce_cards(KEY, "alice", (CARD,)).replace(b'"scripted"', b'"gpt-9000"')
    with pytest.raises(MessageError):
        read_announcement(told("card", state))


def test_load_comes_back():
    load = Load({"m": ModelLoad(1, 2, 3)})
    assert read_announcement(told("load", encode(load))) == LoadAnnounced(KEY.node, load)


def test_standing_comes_back_only_from_its_examiner():
    standing = Standing(
        examiner=KEY.node,
        node=OTHER.node,
        model="m",
        skills={"facts": Tally(1, 2)},
        latency_s=0.1,
        tokens_per_answer=2,
        measured_at=3,
    )
    state = encode((standing,))
    assert read_announcement(told("standing", state)) == StandingAnnounced(KEY.node, (standing,))
    with pytest.raises(MalformedError, match="another node"):
        read_announcement(told("standing", state, OTHER.node))


def test_a_beacon_with_no_places_is_refused():
    state = encode(Load({"m": ModelLoad(1, 0, 0)}))
    with pytest.raises(MalformedError, match="load"):
        read_announcement(told("load", state))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_by_name(data):
    with pytest.raises(InvalidRequestError):
        decode_call(data)
    with pytest.raises(EngineError):
        decode_chunk(b"\xc1" + data)
    for topic in ("card", "load", "standing"):
        with pytest.raises(MessageError):
            read_announcement(told(topic, b"\xc1" + data))


SMALL = st.integers(-(2**63), 2**63)


@given(st.recursive(st.none() | SMALL | st.text(), st.lists))
def test_any_msgpack_is_refused_by_name(value):
    with pytest.raises(InvalidRequestError):
        decode_call(msgspec.msgpack.encode(value))


@pytest.mark.parametrize("topic", ["card", "load", "standing"])
def test_text_that_is_not_utf_8_is_malformed(topic):
    states = {
        "card": b'{"name":"\xff","cards":[]}',
        "load": b"\x81\xa6models\x81\xa1\xff\x93\x00\x00\x01",
        "standing": b"\x91\x81\xa8examiner\xa1\xff",
    }
    with pytest.raises(MalformedError):
        read_announcement(told(topic, states[topic]))
    with pytest.raises(InvalidRequestError):
        decode_call(b"\x81\xa5model\xa1\xff")
    with pytest.raises(EngineError):
        decode_chunk(b"\x81\xa4text\xa1\xff")


def test_two_cards_of_one_name_are_refused():
    with pytest.raises(MalformedError, match="one name"):
        read_announcement(told("card", announce_cards(KEY, "a", (CARD, CARD))))
