"""The published test vectors: what another implementation must agree with."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modelnet.core.card import ModelCard
from modelnet.core.error import MalformedError, MessageError, SettingsError
from modelnet.core.sealed import Opened
from modelnet.trust.did import node_id, public_key
from modelnet.trust.envelope import Envelope
from modelnet.trust.invitation import Invitation, authority_fingerprint, issue
from modelnet.trust.key import NodeKey
from modelnet.trust.signed_card import sign, verify

VECTORS = Path(__file__).parents[2] / "vectors"


def read(name):
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))


DID, SEAL, CARD, INVITATION = map(read, ["did", "seal", "card", "invitation"])


def why(vector):
    return vector.get("why") or vector.get("kind") or vector.get("network")


def key_of(seed):
    return NodeKey.from_seed(bytes.fromhex(seed))


@pytest.mark.parametrize("vector", DID["valid"], ids=lambda vector: vector["node"])
def test_node_ids(vector):
    raw = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["seed"])).public_key()
    assert raw.public_bytes_raw().hex() == vector["public_key"]
    assert node_id(bytes.fromhex(vector["public_key"])) == vector["node"]
    assert public_key(vector["node"]).hex() == vector["public_key"]


@pytest.mark.parametrize("vector", DID["invalid"], ids=why)
def test_texts_that_are_no_node_ids(vector):
    with pytest.raises(MalformedError):
        public_key(vector["node"])


@pytest.mark.parametrize("vector", SEAL["valid"], ids=why)
def test_sealed_messages(vector):
    fields = {name: vector[name] for name in ("to", "id", "deadline")}
    body, sealed = bytes.fromhex(vector["body"]), bytes.fromhex(vector["sealed"])
    sender = Envelope(key_of(SEAL["sender_seed"]), lambda: vector["sent_at"])
    assert sender.seal(vector["kind"], body, **fields) == sealed
    assert sealed.hex() == vector["content"] + vector["signature"]
    signed = f"modelnet/1/{vector['kind']}".encode() + bytes.fromhex(vector["content"])
    assert signed.hex() == vector["signed"]
    opener = Envelope(key_of(SEAL["opener_seed"]), lambda: vector["sent_at"] + 1)
    assert opener.open(vector["kind"], sealed) == Opened(
        id=vector["id"],
        sender=vector["from"],
        sent_at=vector["sent_at"],
        deadline=vector["deadline"],
        body=body,
    )


@pytest.mark.parametrize("vector", SEAL["refused"], ids=why)
def test_messages_that_must_be_refused(vector):
    opener = Envelope(key_of(SEAL["opener_seed"]), lambda: vector["now"])
    assert opener.node == SEAL["opener"]
    sealed = bytes.fromhex(vector["sealed"])
    if vector["opened_before"]:
        opener.open(vector["kind"], sealed)
    with pytest.raises(MessageError) as refused:
        opener.open(vector["kind"], sealed)
    assert refused.value.code == vector["error"]


def test_the_signed_card():
    model = msgspec.convert(CARD["model"], ModelCard)
    signed = sign(model, node_name=CARD["node_name"], key=key_of(CARD["seed"]))
    assert signed == rfc8785.dumps(CARD["card"])
    bare = {name: value for name, value in CARD["card"].items() if name != "signatures"}
    assert rfc8785.dumps(bare).decode() == CARD["payload"]
    card = verify(json.dumps(CARD["card"]).encode())
    assert (card.node, card.node_name, card.model) == (CARD["node"], CARD["node_name"], model)


@pytest.mark.parametrize("vector", CARD["also_valid"], ids=why)
def test_other_writings_of_the_card(vector):
    card = verify(json.dumps(vector["card"]).encode())
    assert card.model == msgspec.convert(CARD["model"], ModelCard)


@pytest.mark.parametrize("vector", CARD["refused"], ids=why)
def test_cards_that_must_be_refused(vector):
    with pytest.raises(MessageError) as refused:
        verify(json.dumps(vector["card"]).encode())
    assert refused.value.code == vector["error"]


@pytest.mark.parametrize("vector", INVITATION["valid"], ids=why)
def test_invitations(vector):
    invitation = Invitation.parse(vector["line"])
    assert invitation == Invitation(vector["network"], bytes.fromhex(vector["secret"]))
    assert invitation.text == vector["line"]
    assert authority_fingerprint(invitation) == vector["authority_fingerprint"]
    expected = bytes.fromhex(vector["authority_certificate"])
    assert hashlib.sha256(expected).hexdigest() == vector["authority_fingerprint"]
    pem = issue(invitation, key_of("00" * 32).node, now=1_800_000_000).ca_pem
    authority = x509.load_pem_x509_certificate(pem.encode())
    assert authority == x509.load_der_x509_certificate(expected)
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["authority_seed"]))
    assert private.public_key() == authority.public_key()
    assert private.public_key().public_bytes_raw().hex() == vector["authority_public_key"]


@pytest.mark.parametrize("vector", INVITATION["invalid"], ids=why)
def test_lines_that_are_no_invitations(vector):
    with pytest.raises(SettingsError):
        Invitation.parse(vector["line"])
