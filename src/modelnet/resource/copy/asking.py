"""Asking a node for something that is one piece."""

from contextlib import aclosing

from modelnet.core.error import MalformedError
from modelnet.core.identity import NodeId
from modelnet.resource.copy.call import CopyCall, encode
from modelnet.transport.network import Network


async def ask_for_one(network: Network, node: NodeId, call: CopyCall, *, deadline: float) -> bytes:
    """Return the one piece of a reply, once its node has signed that this was all.

    Raises:
        MalformedError: it is none or several.
        ModelnetError: whatever the node says instead.
    """
    found: bytes | None = None
    async with aclosing(network.ask(node, encode(call), deadline=deadline)) as pieces:
        async for piece in pieces:
            if found is not None:
                raise MalformedError("The node sent more than it was asked for.")
            found = piece
    if found is None:
        raise MalformedError("The node sent nothing where one piece was due.")
    return found
