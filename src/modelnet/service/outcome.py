"""What became of asking one model: all that routers learn from."""

from dataclasses import dataclass

from modelnet.core.error import ModelnetError
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import Operation
from modelnet.service.kind import TaskKind
from modelnet.service.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of asking one model."""

    node: NodeId
    model: str
    kind: TaskKind
    at: float
    """Unix seconds."""
    operation: Operation = "chat"
    timing: Timing | None = None
    """How fast the answer was; `None` when not all of it came from this model."""
    tokens: int = 0
    """Tokens of the answer."""
    wait_factor: float = 0.0
    """Of its load when it was asked: how many answers were ahead in the queue."""
    p_right: float | None = None
    """A verdict on the answer from whoever can judge it, 0 to 1."""
    weight: float = 1.0
    """The model's share of the answer that was judged, 0 to 1."""
    embedding: bytes | None = None
    """Of the question that was judged, or its hashed words, as `neighbourhood.packed`."""
    task: RequestId | None = None
    """Whose answer was judged, so that it can be forgotten."""
    error: ModelnetError | None = None
