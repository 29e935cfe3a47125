"""What nodes ask about files: pinned bytes, and garbage refused by name."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import InvalidRequestError, MalformedError
from modelnet.core.request import Complete
from modelnet.resource.copy.call import (
    DeployCall,
    ManifestCall,
    PiecesCall,
    Progress,
    TicketCall,
    decode_progress,
    decode_ticket,
    encode,
)
from modelnet.resource.message import ModelCall, decode_call
from modelnet.resource.message import encode as encode_model_call
from modelnet.transport.bulk.ticket import Place, Ticket

DIGEST = "ab" * 32

CALLS = {
    ManifestCall(DIGEST): {"call": "manifest", "digest": DIGEST},
    PiecesCall(DIGEST, 3, 4): {"call": "pieces", "digest": DIGEST, "first": 3, "count": 4},
    TicketCall(DIGEST): {"call": "ticket", "digest": DIGEST},
    DeployCall("m", DIGEST): {"call": "deploy", "model": "m", "digest": DIGEST},
}


@pytest.mark.parametrize(("call", "told"), CALLS.items())
def test_calls_are_maps_that_say_which_they_are(call, told):
    assert msgspec.msgpack.decode(encode(call)) == told
    assert decode_call(encode(call)) == call


def test_a_model_call_is_what_it_always_was():
    call = ModelCall("m", Complete("x"))
    body = {"model": "m", "request": {"type": "complete", "prompt": "x"}}
    assert msgspec.msgpack.decode(encode_model_call(call)) == body
    assert decode_call(msgspec.msgpack.encode(body)) == call


@pytest.mark.parametrize(
    "wrong",
    [
        {"call": "manifest", "digest": "../../etc/passwd"},
        {"call": "manifest", "digest": DIGEST.upper()},
        {"call": "manifest"},
        {"call": "pieces", "digest": DIGEST, "first": -1, "count": 1},
        {"call": "pieces", "digest": DIGEST, "first": 0, "count": 0},
        {"call": "pieces", "digest": DIGEST, "first": 0, "count": 1 << 20},
        {"call": "deploy", "digest": DIGEST, "model": ""},
        {"call": "nonsense", "digest": DIGEST},
        {"call": 7},
        {},
        [],
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InvalidRequestError):
        decode_call(msgspec.msgpack.encode(wrong))


def test_replies_come_back():
    ticket = Ticket((Place("127.0.0.1", 80),), b"s" * 32)
    assert decode_ticket(encode(ticket)) == ticket
    assert b"s" * 32 not in repr(ticket).encode()
    progress = Progress(1, 2, 3)
    assert decode_progress(encode(progress)) == progress


@given(st.binary(max_size=100))
def test_any_reply_is_refused_by_name(data):
    for decode in (decode_ticket, decode_progress):
        with pytest.raises(MalformedError):
            decode(b"\xc1" + data)
