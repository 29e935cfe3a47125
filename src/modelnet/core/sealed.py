"""What comes out of a sealed message: the two types that transport and trust must agree on."""

from typing import Literal, TypeAlias

import msgspec

from modelnet.core.identity import NodeId, RequestId

Kind: TypeAlias = Literal["ask", "end", "error", "cancel", "state"]
"""What a sealed message is for. A seal of one kind never opens as another."""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed message whose signature, recipient, time and novelty have been checked."""

    id: RequestId
    sender: NodeId
    sent_at: float
    deadline: float
    body: bytes
