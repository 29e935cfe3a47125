"""did:key for Ed25519."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.core.error import MalformedError
from modelnet.core.identity import NodeId
from modelnet.trust.did import NODE_ID_LENGTH, node_id, public_key

# Published with the did:key method: the seed is the number in 32 bytes, big-endian.
PUBLISHED = {
    0: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
    1: "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG",
    2: "did:key:z6MknGc3ocHs3zdPiJbnaaqDi58NGb4pk1Sp9WxWufuXSdxf",
}


@pytest.mark.parametrize(("seed", "expected"), PUBLISHED.items())
def test_published_vectors(seed, expected):
    private = Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32))
    raw = private.public_key().public_bytes_raw()
    assert node_id(raw) == expected
    assert public_key(NodeId(expected)) == raw


@given(st.binary(min_size=32, max_size=32))
@settings(deadline=None)
def test_every_key_has_one_id_of_fixed_length(raw):
    node = node_id(raw)
    assert len(node) == NODE_ID_LENGTH
    assert node.startswith("did:key:z6Mk")
    assert public_key(node) == raw


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_size_is_refused(size):
    with pytest.raises(MalformedError, match=f"32 bytes, not {size}"):
        node_id(bytes(size))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        PUBLISHED[0][:-1],
        PUBLISHED[0] + "1",
        PUBLISHED[0].replace("key", "web"),
        PUBLISHED[0].replace("z6M", "f6M"),
        PUBLISHED[0][:-1] + "0",  # not a base58 digit
        PUBLISHED[0][:-1] + "\u00e9",
        "did:key:z6LSeu9HkTHSfLLeUs2nnzUSNedgDUevfNQgQjQC23ZCit6F",  # X25519
        "did:key:z" + "z" * 47,  # too large for 34 bytes
        "did:key:z" + "1" * 47,
    ],
)
def test_malformed_ids_are_refused(text):
    with pytest.raises(MalformedError, match="give the did:key of an Ed25519 key"):
        public_key(NodeId(text))


@given(st.text(max_size=80) | st.text("123456789ABCDEFz", min_size=47).map("did:key:z6Mk".__add__))
@settings(deadline=None)
def test_any_text_is_either_the_one_id_of_a_key_or_malformed(text):
    try:
        raw = public_key(NodeId(text))
    except MalformedError:
        return
    assert node_id(raw) == text


def test_an_endless_id_is_refused_without_being_shown_whole():
    with pytest.raises(MalformedError) as refused:
        public_key(NodeId("did:key:z6Mk" + "z" * 1_000_000))
    assert len(refused.value.message) < 200
