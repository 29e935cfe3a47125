"""On which terms a task is answered: what its asker wishes, and else what its node does. Pure."""

from dataclasses import dataclass

from modelnet.core.wish import NO_WEIGHTS, NO_WISH, Weights, Wish
from modelnet.service.preference import BALANCED, Preference


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits that hold, and whose weights count before whose."""

    limits: Wish = NO_WISH
    """The asker's, and the node's where those say nothing."""
    asked: Weights = NO_WEIGHTS
    usual: Weights = NO_WEIGHTS
    """The node's."""

    @classmethod
    def of(cls, asked: Wish, usual: Wish = NO_WISH) -> "Terms":
        """Return the terms of an asker on a node."""
        return cls(asked.over(usual), asked.weights, usual.weights)

    def preference(self, named: Preference) -> Preference:
        """Return what counts for a name: the asker's weights, then the name's, then the node's."""
        return (named.weighing(self.usual) if named == BALANCED else named).weighing(self.asked)


FREE = Terms()
"""No limits, no weights."""
