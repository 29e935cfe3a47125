"""Nodes that sent wrong bytes: they are asked for no more files for a while. Pure."""

from modelnet.core.identity import NodeId

BARRED_S = 3600.0
MAX_SUSPECTS = 1024


class Suspicion:
    """Who sent wrong bytes, and until when that is held against it."""

    def __init__(self) -> None:
        self._until: dict[NodeId, float] = {}

    def add(self, node: NodeId, now: float) -> None:
        """Note that a node sent wrong bytes."""
        if len(self._until) >= MAX_SUSPECTS:
            del self._until[next(iter(self._until))]
        self._until[node] = now + BARRED_S

    def bars(self, node: NodeId, now: float) -> bool:
        """Whether a node is not to be asked."""
        return self._until.get(node, 0.0) > now
