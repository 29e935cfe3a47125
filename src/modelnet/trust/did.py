"""did:key for Ed25519: a node id *is* the public key, so nobody has to be asked whose key it is.

`did:key:z` is followed by base58btc of the multicodec prefix 0xed01 and the 32 bytes of the key:
always 47 digits, of which the first three are `6Mk`.
"""

from typing import Final

from modelnet.core.error import MalformedError
from modelnet.core.identity import NodeId

PUBLIC_KEY_SIZE_BYTES: Final = 32
NODE_ID_LENGTH: Final = 56

_SCHEME: Final = "did:key:z"
_MULTICODEC: Final = 0xED01
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUE_OF: Final = {digit: value for value, digit in enumerate(_ALPHABET)}


def node_id(public_key_bytes: bytes) -> NodeId:
    """Return the id of the node with this raw Ed25519 public key.

    Raises:
        MalformedError: it is not 32 bytes long.
    """
    if len(public_key_bytes) != PUBLIC_KEY_SIZE_BYTES:
        raise MalformedError(
            f"An Ed25519 public key has {PUBLIC_KEY_SIZE_BYTES} bytes, not {len(public_key_bytes)}."
        )
    return NodeId(_SCHEME + _base58(_MULTICODEC.to_bytes(2) + public_key_bytes))


def public_key(node: NodeId) -> bytes:
    """Return the raw Ed25519 public key that a node id names.

    Raises:
        MalformedError: it is not the did:key of an Ed25519 key.
    """
    # The length comes first: it bounds the work that a stranger's text can cause.
    if len(node) != NODE_ID_LENGTH or not node.startswith(_SCHEME):
        raise _malformed(node)
    number = 0
    for digit in node[len(_SCHEME) :]:
        value = _VALUE_OF.get(digit)
        if value is None:
            raise _malformed(node)
        number = number * 58 + value
    if number >> (8 * PUBLIC_KEY_SIZE_BYTES) != _MULTICODEC:
        raise _malformed(node)
    return (number & ((1 << (8 * PUBLIC_KEY_SIZE_BYTES)) - 1)).to_bytes(PUBLIC_KEY_SIZE_BYTES)


def _base58(data: bytes) -> str:
    number = int.from_bytes(data)
    digits: list[str] = []
    while number:
        number, value = divmod(number, 58)
        digits.append(_ALPHABET[value])
    return "".join(reversed(digits))


def _malformed(node: str) -> MalformedError:
    shown = ascii(node[: NODE_ID_LENGTH + 8])
    return MalformedError(f"{shown} is not a node id: give the did:key of an Ed25519 key.")
