"""Several answers judged, and the best of them told with who agreed."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.request import Request
from modelnet.core.task import Contribution, Fate, Voice
from modelnet.interaction.strategy.call import Call
from modelnet.interaction.strategy.hearing import Heard
from modelnet.service.pathway.agreement import conclusion
from modelnet.service.pathway.answer import Answer
from modelnet.service.pathway.confidence import Calibration, confidences


@dataclass(frozen=True, slots=True)
class Verdict:
    """The most probable of some answers."""

    heard: tuple[Heard, ...]
    """All that were judged."""
    best: Heard
    p_right: float

    def told(
        self, because: str, failed: Sequence[Call] = (), left: Sequence[Call] = ()
    ) -> Generator[Chunk | Contribution]:
        """Yield who answers and who else was asked, then the answer."""
        voices = [voice(other.call, self._stands(other)) for other in self._others]
        voices += [voice(call, "failed") for call in failed]
        voices += [voice(call, "not waited for") for call in left]
        told = self.best.call.contribution(because)
        yield msgspec.structs.replace(told, others=tuple(voices), is_picked=True)
        yield from self.best.told()

    @property
    def _others(self) -> list[Heard]:
        return [one for one in self.heard if one is not self.best]

    def _stands(self, other: Heard) -> Fate:
        said, best = _said(other.answer), _said(self.best.answer)
        return "agreed" if said is not None and said == best else "differed"


def judge(heard: Sequence[Heard], request: Request, calibration: Calibration) -> Verdict:
    """Return the most probable of the answers; the first of those that are equally so."""
    sure = confidences(request, [one.answer for one in heard], calibration)
    first = max(range(len(heard)), key=lambda i: (not heard[i].answer.is_empty, sure[i], -i))
    return Verdict(tuple(heard), heard[first], sure[first])


def _said(answer: Answer) -> str | None:
    return conclusion(answer.text, answer.tool_calls)


def voice(call: Call, what: Fate) -> Voice:
    """Return a model that was asked as well, and what became of it."""
    return Voice(node=call.offer.node, model=call.offer.card.name, what=what)
