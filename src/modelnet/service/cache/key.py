"""Which tasks may be answered from the cache, and all that has to be equal for it. Pure.

Left out is what is labelled, what acts (tools), what looks (images, whose address may hold another
one tomorrow), what goes on with an answer, and what asks for variety: a temperature above zero
without a seed. Where no temperature is given the asker leaves the draw to the engine; whoever turns
the cache on wants that answer kept, too, and `may_recall` asks for a new one.
"""

import hashlib
from dataclasses import dataclass

import msgspec

from modelnet.core.request import Chat, Complete, Message, Sampling
from modelnet.core.task import Task


@dataclass(frozen=True, slots=True)
class Key:
    """What has to be equal, hashed: the owner is in both, so no answer passes from one to another.

    A hash tells nobody what was asked, and costs the same for a word as for a book.
    """

    exact: bytes
    """Of the whole request, the models asked for, what is wished of them, and the owner."""
    frame: bytes | None
    """Of all that but the question; nothing where only the same question will do."""
    question: str | None
    """The question that may be put in other words."""


def key_of(task: Task) -> Key | None:
    """Return the key of a task; nothing where it is neither kept nor answered from the cache."""
    request = task.request
    if not isinstance(request, Chat | Complete) or not _may_be_told_again(task, request):
        return None
    question = _question(request)
    frame = None
    if question is not None and isinstance(request, Chat):
        open_ended = (*request.messages[:-1], Message("user"))
        frame = _digest(task, msgspec.structs.replace(request, messages=open_ended))
    return Key(_digest(task, request), frame, question)


def _may_be_told_again(task: Task, request: Chat | Complete) -> bool:
    has_truth = task.expected is not None or task.tests is not None
    if has_truth or not task.is_kept or not task.may_recall or request.partial:
        return False
    if isinstance(request, Chat) and (request.has_tools or request.has_image):
        return False
    return not _is_drawn(request.sampling)


def _is_drawn(sampling: Sampling) -> bool:
    return bool(sampling.temperature) and sampling.seed is None


def _question(request: Chat | Complete) -> str | None:
    """Return the last message, where an answer to the same in other words would do."""
    if not isinstance(request, Chat) or request.sampling.temperature:
        return None
    last = request.messages[-1]
    is_plain = last.role == "user" and isinstance(last.content, str)
    # Log-probabilities are of the very words that were asked.
    return last.text if is_plain and request.sampling.top_logprobs is None else None


def _digest(task: Task, request: Chat | Complete) -> bytes:
    # The order of keys stays: a schema in another order may be answered in another order.
    told = msgspec.msgpack.encode((task.owner, task.models, task.wish, request))
    return hashlib.sha256(told).digest()
