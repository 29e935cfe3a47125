"""A request together with everything the asker wants of its answering, and who then answered."""

from typing import Literal, TypeAlias

import msgspec

from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import Request
from modelnet.core.wish import NO_WISH, Wish

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
    owner: str = ""
    """Whose task it is, where a gateway tells several owners of keys apart: nobody else's word on
    its answer counts."""
    expected: str | None = None
    """The right answer, where the asker knows it: models never see it."""
    tests: str | None = None
    """Unit tests in Python of an answer that is code, where the asker has some: models never see
    them."""
    is_kept: bool = True
    """Whether what became of it may be remembered and stored; what carries a data label may not."""
    may_recall: bool = True
    """Whether an earlier answer to the same question would do, where this node keeps answers."""
    wish: Wish = NO_WISH
    """What whoever answers must keep to, and what time and money are worth to the asker."""


Fate: TypeAlias = Literal["agreed", "differed", "not sure enough", "failed", "not waited for"]
"""What became of an answer that was not the one told."""


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was asked as well, and what became of it."""

    node: NodeId
    model: str
    what: Fate


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """That an answer is an earlier one, told again."""

    task: RequestId
    """Whose answer it was."""
    age_s: float
    """For how long it has been known."""
    cosine: float
    """Of its question and this one, 0 to 1; 1 where the whole request is the same."""


class Contribution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Announces that the chunks which follow come from this model."""

    node: NodeId
    model: str
    because: str
    """One sentence for a person: why this model was asked."""
    others: tuple[Voice, ...] = ()
    """Who else was asked, where the strategy asked several."""
    is_picked: bool = False
    """Whether it is told for what it says: a verdict on it then is one on the picking, not on how
    often the model is right."""
    recalled: Recalled | None = None
    """Where nobody was asked: which earlier answer this is."""
