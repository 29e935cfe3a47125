"""Whose turn it is: askers take turns, and each asker's own requests keep their order. Pure.

Serving those who ask round robin, and making room at the expense of the longest line, is fair
queueing (Nagle, RFC 970, 1985; McKenney, "Stochastic Fairness Queueing", 1990).
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class FairQueue(Generic[T]):
    """Tickets of requests that wait, a line for each asker."""

    def __init__(self) -> None:
        self._lines: OrderedDict[Hashable, OrderedDict[T, None]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._length

    def add(self, asker: Hashable, ticket: T) -> None:
        """Let a ticket wait, at the end of its asker's line."""
        self._lines.setdefault(asker, OrderedDict())[ticket] = None
        self._length += 1

    def pop(self) -> T | None:
        """Take out the ticket whose turn it is; its asker's next turn comes after all others'."""
        if not self._lines:
            return None
        asker, line = next(iter(self._lines.items()))
        ticket, _ = line.popitem(last=False)
        self._lines.move_to_end(asker)
        self._left(asker)
        return ticket

    def remove(self, asker: Hashable, ticket: T) -> bool:
        """Take out a ticket that waits no more; False where it had left already."""
        line = self._lines.get(asker)
        if line is None or ticket not in line:
            return False
        del line[ticket]
        self._left(asker)
        return True

    def ahead_of(self, asker: Hashable) -> int:
        """Return how many go before one more ticket of this asker, if nobody else comes."""
        own = len(self._lines.get(asker, ()))
        # Those before the asker in the round have had one more turn when the new ticket has its.
        turns = own + 1
        ahead = own
        for other, line in self._lines.items():
            if other == asker:
                turns = own
            else:
                ahead += min(len(line), turns)
        return ahead

    def crowd_out(self, asker: Hashable) -> T | None:
        """Take out the newest ticket of the longest line, to make room for one of this asker.

        Nothing where that line would then be the shorter one: nobody is sent away for an equal.
        """
        longest = max(self._lines, key=lambda one: len(self._lines[one]), default=None)
        own = len(self._lines.get(asker, ()))
        if not self._lines or len(self._lines[longest]) <= own + 1:
            return None
        ticket, _ = self._lines[longest].popitem()
        self._left(longest)
        return ticket

    def _left(self, asker: Hashable) -> None:
        self._length -= 1
        if not self._lines[asker]:
            del self._lines[asker]
