"""Signed agent cards: exact both ways, readable by A2A software, believed from their node only."""

import base64
import json

import pytest
import rfc8785
from a2a.types import AgentCard as SdkCard
from a2a.utils.proto_utils import warn_on_missing_required_fields
from a2a.utils.signing import create_agent_card_signer, create_signature_verifier
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.api_jws import PyJWS

from modelnet.core.card import ModelCard, Price, Skill
from modelnet.core.error import MalformedError, MessageError, SettingsError, SignatureError
from modelnet.trust.agent_card import EXTENSION, AgentCard, content
from modelnet.trust.key import NodeKey, public_key_of
from modelnet.trust.signed_card import LARGEST_CARD_BYTES, sign, verify

ALICE, BOB = NodeKey.from_seed(bytes([1]) * 32), NodeKey.from_seed(bytes([2]) * 32)

PLAIN = ModelCard(name="zoo:calc", operations=("chat",), engine="llama.cpp")
FULL = ModelCard(
    name="zoo:general",
    description="Ein kleines Modell für \u2028 alles 🦊",
    version="2.1",
    operations=("chat", "complete", "embed"),
    skills=(
        Skill("arithmetic", "Arithmetic", "Adds and subtracts.", ("What is 1 plus 2?",)),
        Skill("facts", "Facts"),
    ),
    engine="llama.cpp",
    parameters=3_300_000,
    context_length=512,
    parallel=4,
    has_logprobs=True,
    has_vision=True,
    has_tools=True,
    can_continue=False,
    price=Price(0.1, 1e-7),
    is_metered=True,
    licence="Apache-2.0",
)

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
counts = st.integers(min_value=1, max_value=2**53 - 1)
prices = st.floats(min_value=0, max_value=1e12, allow_nan=False)
skills = st.builds(
    Skill,
    id=words,
    name=words,
    description=st.just("") | words,
    examples=st.lists(words, max_size=3).map(tuple),
)
model_cards = st.builds(
    ModelCard,
    name=words,
    description=st.just("") | words,
    version=words,
    operations=st.lists(st.sampled_from(["chat", "complete", "embed"]), max_size=3).map(tuple),
    skills=st.lists(skills, max_size=4).map(tuple),
    engine=words,
    parameters=st.none() | counts,
    context_length=st.none() | counts,
    parallel=counts,
    has_logprobs=st.booleans(),
    has_vision=st.booleans(),
    has_tools=st.booleans(),
    can_continue=st.booleans(),
    price=st.builds(Price, input_per_mtok=prices, output_per_mtok=prices),
    licence=st.none() | words,
)


def signed_json(model=FULL, key=ALICE):
    return json.loads(sign(model, node_name="alice", key=key))


def key_named(kid, jku):
    """Find the key of a signature as the SDK's verifier asks for it."""
    assert jku is None
    return public_key_of(kid)


def dumped(card):
    return json.dumps(card).encode()


def resigned(card, key=ALICE, header=None, unprotected=None):
    """Return a card signed by hand with any header."""
    bare = {name: value for name, value in card.items() if name != "signatures"}
    header = {"typ": "JOSE", "kid": ALICE.node} | (header or {})
    token = PyJWS().encode(rfc8785.dumps(bare), key.private_key, "EdDSA", header)
    protected, _, signature = token.split(".")
    entry = {"protected": protected, "signature": signature, "header": unprotected or {}}
    return bare | {"signatures": [entry]}


@given(model_cards, words)
@settings(deadline=None)
def test_a_card_comes_back_exactly(model, node_name):
    signed = sign(model, node_name=node_name, key=ALICE)
    assert verify(signed) == AgentCard(node=ALICE.node, node_name=node_name, model=model)


def test_signing_is_deterministic_and_already_canonical():
    signed = sign(FULL, node_name="alice", key=ALICE)
    assert signed == sign(FULL, node_name="alice", key=ALICE)
    assert signed == rfc8785.dumps(json.loads(signed))


def test_what_a2a_has_a_word_for_stands_where_a2a_expects_it():
    card = signed_json()
    assert card["name"] == "zoo:general"
    assert card["version"] == "2.1"
    assert card["provider"] == {"organization": "alice", "url": f"modelnet:{ALICE.node}"}
    assert card["defaultInputModes"] == ["text/plain", "image/*"]
    assert [skill["id"] for skill in card["skills"]] == [
        "chat",
        "complete",
        "embed",
        "arithmetic",
        "facts",
    ]
    (extension,) = card["capabilities"]["extensions"]
    assert extension["uri"] == EXTENSION
    assert extension["params"]["node"] == ALICE.node


def test_the_protected_header_names_algorithm_and_node_and_nothing_else():
    (signature,) = signed_json()["signatures"]
    header = json.loads(base64.urlsafe_b64decode(signature["protected"] + "=="))
    assert header == {"alg": "EdDSA", "typ": "JOSE", "kid": ALICE.node}


@pytest.mark.parametrize("model", [PLAIN, FULL], ids=["plain", "full"])
def test_the_a2a_sdk_reads_and_verifies_our_cards(model):
    card = ParseDict(signed_json(model), SdkCard())
    assert warn_on_missing_required_fields(card, "test"), "a required field is missing"
    check = create_signature_verifier(key_named, ["EdDSA"])
    check(card)


@given(model_cards)
@settings(max_examples=30, deadline=None)
def test_the_a2a_sdk_verifies_any_card_of_ours(model):
    card = ParseDict(signed_json(model), SdkCard())
    create_signature_verifier(key_named, ["EdDSA"])(card)


def test_a_card_that_the_a2a_sdk_signed_verifies_here():
    card = ParseDict(content(FULL, node_name="alice", node=ALICE.node), SdkCard())
    header = {"kid": ALICE.node, "alg": "EdDSA", "typ": "JOSE"}
    signed = create_agent_card_signer(ALICE.private_key, header)(card)
    assert verify(dumped(MessageToDict(signed))).model == FULL


def test_fields_of_later_versions_are_signed_along_and_otherwise_ignored():
    card = signed_json()
    card["iconUrl"] = "https://example.org/icon.png"
    card["shoeSize"] = {"eu": 42}
    params = card["capabilities"]["extensions"][0]["params"]
    params["operations"] = ["chat", "dream", "complete", "embed"]
    params["colour"] = "red"
    card["capabilities"]["extensions"].insert(0, {"uri": "https://example.org/other"})
    assert verify(dumped(resigned(card))).model == FULL
    with pytest.raises(SignatureError):
        verify(dumped(card))


def test_empty_values_are_not_part_of_a_card():
    card = signed_json() | {"documentationUrl": "", "securitySchemes": {}, "iconUrl": None}
    card["capabilities"]["extensions"][0]["params"]["licence"] = "Apache-2.0"
    assert verify(dumped(card)).model == FULL


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["name"], "gpt"),
        (["provider", "organization"], "mallory"),
        (["skills", 3, "id"], "everything"),
        (["capabilities", "extensions", 0, "params", "parameters"], 3_300_001),
        (["capabilities", "extensions", 0, "params", "node"], BOB.node),
        (["added"], 1),
    ],
    ids=str,
)
def test_a_changed_card_is_refused(path, value):
    card = signed_json()
    place = card
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(SignatureError):
        verify(dumped(card))


def test_only_the_named_node_can_sign():
    with pytest.raises(SignatureError, match="not signed by the node it names"):
        verify(dumped(resigned(signed_json(), key=BOB)))
    with pytest.raises(SignatureError, match="no signature of the node it names"):
        verify(dumped(resigned(signed_json(), key=BOB, header={"kid": BOB.node})))


def test_signatures_of_others_may_stand_beside_that_of_the_node():
    own = resigned(signed_json())
    other = resigned(signed_json(), key=BOB, header={"kid": BOB.node})
    both = own | {"signatures": other["signatures"] + own["signatures"]}
    assert verify(dumped(both)).model == FULL


@pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c"])
def test_a_signature_that_brings_its_own_key_is_refused(name):
    with pytest.raises(SignatureError, match="brings its own key"):
        verify(dumped(resigned(signed_json(), header={name: "https://example.org/keys"})))
    with pytest.raises(SignatureError, match="brings its own key"):
        verify(dumped(resigned(signed_json(), unprotected={name: "x"})))


def encoded(header):
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES256"},
        {"alg": None},
        {},
        {"alg": "EdDSA", "crit": ["exp"], "exp": 1},
        {"alg": "EdDSA", "b64": False, "crit": ["b64"]},
    ],
    ids=str,
)
def test_no_other_algorithm_is_taken(header):
    card = signed_json()
    card["signatures"][0]["protected"] = encoded({"kid": ALICE.node, **header})
    with pytest.raises(SignatureError):
        verify(dumped(card))


@pytest.mark.parametrize("protected", ["", "e30", "!!", "a.b", "W10", "bnVsbA", "é"])
def test_a_garbled_protected_header_is_refused(protected):
    card = signed_json()
    card["signatures"][0]["protected"] = protected
    with pytest.raises(SignatureError):
        verify(dumped(card))


@pytest.mark.parametrize("signatures", [[], None, "x", [1], [{"protected": "e30"}]], ids=str)
def test_a_card_without_a_signature_is_refused(signatures):
    card = signed_json() | {"signatures": signatures}
    with pytest.raises((SignatureError, MalformedError)):
        verify(dumped(card))
    del card["signatures"]
    with pytest.raises(SignatureError, match="no signature"):
        verify(dumped(card))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"{",
        b'{"name":"\xff"}',
        b'{"name":"\\ud800"}',
        b'{"x":' * 5_000,
        b'{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"x":1e999}',
        b'{"x":' + b"9" * 40 + b"}",
    ],
    ids=lambda data: repr(data[:16]),
)
def test_garbage_is_malformed(data):
    with pytest.raises(MalformedError, match="not an agent card"):
        verify(data)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("node", None),
        ("engine", 7),
        ("parallel", 0),
        ("parameters", -1),
        ("context_length", 1.5),
        ("price", {"input_per_mtok": -1}),
        ("operations", "chat"),
    ],
)
def test_parameters_out_of_range_are_malformed_even_when_signed(name, value):
    card = signed_json()
    card["capabilities"]["extensions"][0]["params"][name] = value
    with pytest.raises(MalformedError):
        verify(dumped(resigned({k: v for k, v in card.items() if v is not None})))


def test_a_card_of_a_node_whose_id_is_no_key_is_malformed():
    card = signed_json()
    card["capabilities"]["extensions"][0]["params"]["node"] = "alice"
    with pytest.raises(MalformedError, match="not a node id"):
        verify(dumped(resigned(card, header={"kid": "alice"})))


def test_an_agent_that_is_no_model_of_ours_is_told_so():
    card = signed_json()
    card["capabilities"] = {"streaming": True}
    with pytest.raises(MalformedError, match="does not declare the extension"):
        verify(dumped(resigned(card)))


def test_a_card_of_more_than_64_kib_is_neither_signed_nor_read():
    long = ModelCard(name="m", description="x" * 70_000, operations=(), engine="python")
    with pytest.raises(SettingsError, match="bytes of 65536"):
        sign(long, node_name="alice", key=ALICE)
    with pytest.raises(MalformedError, match="65536 are allowed"):
        verify(b" " * (LARGEST_CARD_BYTES + 1))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"name": ""}, "name"),
        ({"engine": ""}, "engine"),
        ({"licence": ""}, "a text is empty"),
        ({"skills": (Skill("a", "A", "", ("",)),)}, "a text is empty"),
        ({"parallel": 0}, "parallel"),
        ({"price": Price(-1.0)}, "below zero"),
        ({"price": Price(float("nan"))}, "nan"),
        ({"parameters": 2**60}, "safe integer"),
        ({"description": "\ud800"}, "UTF-8"),
    ],
    ids=str,
)
def test_a_card_that_others_could_not_read_is_not_published(changed, why):
    fields = {"name": "mine", "operations": ("chat",), "engine": "python"} | changed
    with pytest.raises(SettingsError, match=why):
        sign(ModelCard(**fields), node_name="alice", key=ALICE)
    with pytest.raises(SettingsError):
        sign(PLAIN, node_name="", key=ALICE)


GENUINE = sign(FULL, node_name="alice", key=ALICE)
damaged = st.builds(
    lambda start, end, middle: GENUINE[:start] + middle + GENUINE[end:],
    st.integers(0, len(GENUINE)),
    st.integers(0, len(GENUINE)),
    st.binary(max_size=12) | st.text(max_size=12).map(str.encode),
)


@given(st.binary(max_size=300) | damaged)
@settings(deadline=None)
def test_any_bytes_verify_or_raise_a_message_error(data):
    try:
        card = verify(data)
    except MessageError:
        return
    assert card.model == FULL
