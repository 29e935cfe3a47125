"""How transport signs and checks without knowing keys: the wiring hands it a Guard.

`modelnet.trust.envelope.Envelope` is the real one. transport and trust stay strangers.
"""

from typing import Protocol

from modelnet.core.identity import NodeId, RequestId
from modelnet.core.sealed import Kind, Opened

__all__ = ["Guard", "Kind", "Opened"]


class Guard(Protocol):
    """Seals what this node sends and opens what it receives."""

    @property
    def node(self) -> NodeId:
        """The node that seals."""
        ...

    def seal(
        self, kind: Kind, body: bytes, *, to: NodeId | None, id: RequestId, deadline: float
    ) -> bytes:
        """Sign `body` for one recipient, or for everybody (`None`: `state` only)."""
        ...

    def open(self, kind: Kind, sealed: bytes) -> Opened:
        """Check and unwrap.

        Raises:
            MessageError: malformed bytes, bad signature, wrong recipient, stale, replayed, or of
                an unknown version: each its own subclass. `stale` and `replayed` are judged for
                `ask` and `cancel`; `end` and `error` are bound to an id this node drew itself, and
                a `state` is newest-wins by `sent_at`.
        """
        ...
