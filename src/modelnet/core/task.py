"""A request together with everything the asker wants of its answering, and who then answered."""

import msgspec

from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import Request

AUTO = "auto"
"""The model name that leaves the choice to the network."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a person or program wants answered.

    `models` is a fallback chain: the first name is tried first, the next when it is not to be had.
    A name is `auto`, a model (`zoo:calc`), or a model of one node (`zoo:calc@alice`).
    """

    id: RequestId
    request: Request
    models: tuple[str, ...] = (AUTO,)
    deadline: float
    """Unix seconds."""


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """Announces that the chunks which follow come from this model."""

    node: NodeId
    model: str
    because: str
    """One sentence for a person: why this model was asked."""
