"""What the endpoints of feedback answer, and where they are. Pure."""

import msgspec

from modelnet.core.identity import NodeId, RequestId

PATH = "/modelnet/v1/feedback"


class ShareView(msgspec.Struct, frozen=True, kw_only=True):
    """A model that learnt from a verdict."""

    node: NodeId
    model: str
    share: float


class FeedbackView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a person's word."""

    object: str = "modelnet.feedback"
    id: RequestId
    score: float
    kind: str
    taught: tuple[ShareView, ...]


class LearntView(msgspec.Struct, frozen=True, kw_only=True):
    """What was learnt from an export."""

    object: str = "modelnet.feedback.learnt"
    learnt: int


class DeletedView(msgspec.Struct, frozen=True, kw_only=True):
    """What was destroyed."""

    object: str = "modelnet.feedback.deleted"
    deleted: int
