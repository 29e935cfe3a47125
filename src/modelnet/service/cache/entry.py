"""An answer as it is kept: its chunks joined, who gave it, and what it comes down to. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.task import Contribution, Recalled
from modelnet.service.cache.key import Key
from modelnet.service.cache.signature import Signature
from modelnet.service.pathway.agreement import conclusion

MOST_BYTES = 1 << 18
"""A longer answer is not kept."""

_PIECE_CHARACTERS = 256
"""An answer is told again in pieces of about so much, however small they first came."""
_OVERHEAD_BYTES = 256
_TOKEN_BYTES = 160

Step = Chunk | Contribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One answer."""

    key: Key
    owner: str
    task: RequestId
    """Whose answer it was."""
    at: float
    """When it was asked, in Unix seconds."""
    steps: tuple[Step, ...]
    signature: Signature | None = None
    embedding: bytes | None = None
    """Of the question, as `neighbourhood.packed`."""
    is_fetched: bool = False
    """Whether it was asked before anybody wanted it."""

    @property
    def text(self) -> str:
        """What was said."""
        return "".join(step.text for step in self.steps if isinstance(step, Chunk))

    @property
    def conclusion(self) -> str | None:
        """What it comes down to; nothing where it is prose."""
        return conclusion(self.text)

    @property
    def speaker(self) -> tuple[NodeId, str] | None:
        """Who ended the answer: node and model."""
        spoke = [step for step in self.steps if isinstance(step, Contribution)]
        return (spoke[-1].node, spoke[-1].model) if spoke else None

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        # Packed, and unpacked in a matrix that may be half empty.
        question = len(self.embedding or b"") * 5
        signature = 0 if self.signature is None else self.signature.size_bytes
        return _OVERHEAD_BYTES + question + signature + sum(map(size_of, self.steps))

    def told(self, now: float, cosine: float, why: str) -> Iterable[Step]:
        """Return the answer as it is told again: who gave it to what, and when."""
        recalled = Recalled(task=self.task, age_s=round(max(0.0, now - self.at), 3), cosine=cosine)
        for step in self.steps:
            if isinstance(step, Contribution):
                yield msgspec.structs.replace(step, because=why, others=(), recalled=recalled)
            else:
                yield step


def size_of(step: Step) -> int:
    """Return about how many bytes a step takes in memory."""
    if isinstance(step, Contribution):
        return _OVERHEAD_BYTES + len(step.because)
    said = len(step.text) + len(step.reasoning)
    # Python keeps a text at up to four bytes a character; most of ours need one or two.
    tokens = sum(1 + len(token.alternatives) for token in step.tokens)
    return _OVERHEAD_BYTES + 2 * said + _TOKEN_BYTES * tokens


def join(steps: list[Step], step: Step) -> None:
    """Add the next step to an answer, in few pieces: a chunk a token takes fifty times its text."""
    last = steps[-1] if steps else None
    if isinstance(last, Chunk) and isinstance(step, Chunk) and _may_join(last, step):
        steps[-1] = msgspec.structs.replace(
            step,
            text=last.text + step.text,
            reasoning=last.reasoning + step.reasoning,
            n_tokens=last.n_tokens + step.n_tokens,
            tokens=last.tokens + step.tokens,
        )
    else:
        steps.append(step)


def _may_join(one: Chunk, two: Chunk) -> bool:
    if two.finish is not None or one.tool_calls or two.tool_calls:
        return False
    # Thought comes before speech: what is of both kinds in one chunk has lost its order.
    is_one_kind = not (one.text and two.reasoning) and not (one.reasoning and two.text)
    return is_one_kind and len(one.text) + len(one.reasoning) < _PIECE_CHARACTERS
