"""Ids as types: a node is its public key, a request is a random number nobody can guess."""

import secrets
from typing import NewType

NodeId = NewType("NodeId", str)
"""`did:key:z6Mk...`: the Ed25519 public key of a node, which *is* the node."""

RequestId = NewType("RequestId", str)
"""32 hexadecimal digits, drawn at random by whoever asks."""

REQUEST_ID_LENGTH = 32


def new_request_id() -> RequestId:
    """Return a fresh id with 128 random bits."""
    return RequestId(secrets.token_hex(REQUEST_ID_LENGTH // 2))


def short_node_id(node: NodeId) -> str:
    """Return the last eight characters of a node id: enough for a person to tell nodes apart."""
    return node[-8:]
