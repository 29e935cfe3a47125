"""The kinds of task that planning tells apart, and a probability for each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from modelnet.service.skill import SKILLS

OTHER = "other"
"""Whatever no exam asks about."""

KINDS: tuple[str, ...] = (*SKILLS, OTHER)


@dataclass(frozen=True, slots=True)
class TaskKind:
    """How probable each kind is; the probabilities sum to one."""

    p: Mapping[str, float]

    @classmethod
    def certain(cls, kind: str) -> Self:
        """Return the posterior of someone who knows the kind."""
        return cls({name: float(name == kind) for name in KINDS})

    @property
    def most_likely(self) -> str:
        """The most probable kind."""
        return max(self.p, key=self.p.__getitem__)
