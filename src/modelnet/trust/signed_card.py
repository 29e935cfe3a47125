"""Signed agent cards: what a node says of a model, provably said by that node.

The signature is a JWS (EdDSA) over the RFC 8785 form of the card without its signatures and without
empty values. A reader believes those canonical bytes and nothing else of what it received.
"""

from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec
import rfc8785

from modelnet.core.card import ModelCard
from modelnet.core.error import MalformedError, SettingsError, SignatureError
from modelnet.core.identity import NodeId
from modelnet.trust.agent_card import AgentCard, Json, content, parse, without_empty
from modelnet.trust.key import NodeKey, public_key_of

if TYPE_CHECKING:
    from jwt.api_jws import PyJWS

LARGEST_CARD_BYTES: Final = 65_536

_ALGORITHM: Final = "EdDSA"
# Headers with which a signer would choose the key it is judged by.
_FOREIGN_KEYS: Final = frozenset({"jku", "jwk", "x5u", "x5c"})


class _Signature(msgspec.Struct, frozen=True, kw_only=True):
    protected: str
    signature: str
    header: Json = {}


def sign(model: ModelCard, *, node_name: str, key: NodeKey) -> bytes:
    """Return the signed agent card of a model that this node serves, as JSON.

    Raises:
        SettingsError: other nodes could not read the card: a text is empty, a number is out of
            range, or it is longer than 64 KiB.
    """
    try:
        card = content(model, node_name=node_name, node=key.node)
        payload = rfc8785.dumps(card)
        survives = parse(payload) == AgentCard(node=key.node, node_name=node_name, model=model)
    except (ValueError, MalformedError) as error:
        raise _unfit(model, str(error)) from error
    if not survives:
        raise _unfit(model, "a text is empty")
    protected, _, signature = (
        _jws()
        .encode(payload, key.private_key, _ALGORITHM, {"typ": "JOSE", "kid": key.node})
        .split(".")
    )
    signed = rfc8785.dumps(
        {**card, "signatures": [{"protected": protected, "signature": signature}]}
    )
    if len(signed) > LARGEST_CARD_BYTES:
        raise _unfit(model, f"it has {len(signed)} bytes of {LARGEST_CARD_BYTES}")
    return signed


def verify(data: bytes) -> AgentCard:
    """Check a signed agent card and return what its node says in it.

    Raises:
        MalformedError: it is not an agent card with our extension, or longer than 64 KiB.
        SignatureError: the node that the card names did not sign it.
    """
    if len(data) > LARGEST_CARD_BYTES:
        raise MalformedError(
            f"The card has {len(data)} bytes: {LARGEST_CARD_BYTES} are allowed, shorten it."
        )
    try:
        received = msgspec.json.decode(data, type=Json)
        signatures = msgspec.convert(received.pop("signatures", ()), tuple[_Signature, ...])
        payload = rfc8785.dumps(without_empty(received))
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"These bytes are not an agent card: {error}.") from error
    card = parse(payload)
    _check_signature(card.node, payload, signatures)
    return card


def _check_signature(node: NodeId, payload: bytes, signatures: tuple[_Signature, ...]) -> None:
    """Check the one signature that counts: that of the node which the card names."""
    from jwt import PyJWTError
    from jwt.utils import base64url_encode

    body = base64url_encode(payload).decode()
    for signature in signatures:
        token = f"{signature.protected}.{body}.{signature.signature}"
        try:
            header = _jws().get_unverified_header(token)
            if not _FOREIGN_KEYS.isdisjoint({*header, *signature.header}):
                raise SignatureError(
                    "The signature of the card brings its own key: name the node in `kid` instead."
                )
            if header.get("kid") != node:
                continue
            _jws().decode(token, public_key_of(node), algorithms=[_ALGORITHM])
        except PyJWTError as error:
            raise SignatureError(
                f"The card is not signed by the node it names ({error}): ask that node for it."
            ) from error
        return
    raise SignatureError(
        "The card has no signature of the node it names: sign it with that node's key as `kid`."
    )


@cache
def _jws() -> "PyJWS":
    from jwt.api_jws import PyJWS

    return PyJWS(algorithms=[_ALGORITHM])


def _unfit(model: ModelCard, why: str) -> SettingsError:
    return SettingsError(f"The card of model {model.name!r} cannot be published ({why}): mend it.")
