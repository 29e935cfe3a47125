"""A whole answer of one model, as it is judged beside others."""

from dataclasses import dataclass

from modelnet.core.chunk import FinishReason, ToolCall
from modelnet.resource.directory import Offer
from modelnet.service.routing import Scored


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model said, and what was expected of it before."""

    scored: Scored
    text: str = ""
    """All of it, with what had been said before this model went on."""
    tool_calls: tuple[ToolCall, ...] = ()
    logprob: float | None = None
    """Mean natural-log probability of its tokens, where the model told."""
    finish: FinishReason = "stop"
    proof: bool | None = None
    """Whether it passes the tests of whoever asked; nothing where there are none, or no verdict."""

    @property
    def offer(self) -> Offer:
        """Who gave it."""
        return self.scored.candidate

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said."""
        return not self.text.strip() and not self.tool_calls


def is_one_voice(one: Offer, other: Offer) -> bool:
    """Tell whether two models count as one: of the same name, or of the same stranger's node.

    The models of the asker's own machine are as independent as their names.
    """
    is_one_owner = one.node == other.node and not one.is_local
    return is_one_owner or one.card.name == other.card.name
