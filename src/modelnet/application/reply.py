"""What a node answers to its client, as far as the client reads it."""

import msgspec

from modelnet.core.chunk import Usage
from modelnet.core.standing import Standing
from modelnet.core.task import Contribution
from modelnet.interaction.transfer import Pulled
from modelnet.resource.copy.call import Progress as CopyProgress
from modelnet.service.ability import Finding, Speed
from modelnet.service.explanation import Explanation


class Delta(msgspec.Struct, frozen=True):
    """The next piece of an answer."""

    content: str | None = None
    reasoning_content: str | None = None


class Choice(msgspec.Struct, frozen=True):
    """The one answer of a stream."""

    delta: Delta = Delta()
    finish_reason: str | None = None


class Provenance(msgspec.Struct, frozen=True):
    """Who answered, in order, and who was considered."""

    contributors: tuple[Contribution, ...] = ()
    explanation: Explanation | None = None


class ChatChunk(msgspec.Struct, frozen=True):
    """One event of a streamed answer."""

    id: str = ""
    model: str = ""
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    modelnet: Provenance | None = None

    @property
    def text(self) -> str:
        """The piece of the answer in this event."""
        return "".join(choice.delta.content or "" for choice in self.choices)


class Progress(msgspec.Struct, frozen=True):
    """How far an exam has come."""

    done: int
    of: int


class ExamEvent(msgspec.Struct, frozen=True):
    """One event of an exam: progress, and at the end what was measured."""

    progress: Progress | None = None
    standing: Standing | None = None


class ProbeEvent(msgspec.Struct, frozen=True):
    """What was found out about one model: an ability, its speed, or why it was not tried."""

    id: str
    finding: Finding | None = None
    speed: Speed | None = None
    skipped: str | None = None


class MoveEvent(msgspec.Struct, frozen=True):
    """One event of a pull or deploy: how far it is, and at the end what came."""

    progress: CopyProgress | None = None
    pulled: Pulled | None = None
