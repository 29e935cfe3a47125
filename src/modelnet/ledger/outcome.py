"""What is kept of one judged answer: numbers and names, never what was asked or answered."""

from typing import Annotated, Literal, TypeAlias

import msgspec

from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import Operation

Source: TypeAlias = Literal["verifier", "agreement", "user", "exam"]
"""Who judged: a program that checks, other models' answers, whoever asked, an exam."""

MAX_EMBEDDING_BYTES = 8192
"""4096 dimensions."""

_Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
_Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Amount: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A verdict on the part that one model had in one answer."""

    task: RequestId
    at: _Amount
    """When it was judged, in Unix seconds."""
    kind: _Text
    """The most likely kind of the task."""
    node: NodeId
    model: _Text
    operation: Operation = "chat"
    verdict: _Share
    """The probability that the answer was right."""
    source: Source
    weight: _Share = 1.0
    """The model's share of the answer."""
    latency_s: _Amount | None = None
    """Time of the whole answer."""
    tokens: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Tokens of the whole answer."""
    cost_usd: _Amount | None = None
    """Price of the whole answer, where it is known."""
    embedding: Annotated[bytes, msgspec.Meta(max_length=MAX_EMBEDDING_BYTES)] | None = None
    """Of the prompt, little-endian float16; only where somebody wants it kept."""

    @property
    def key(self) -> tuple[RequestId, NodeId, str, Source]:
        """What tells it from others: the same verdict is kept once."""
        return self.task, self.node, self.model, self.source
