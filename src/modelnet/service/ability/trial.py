"""The request that tries an ability: tiny, real, and with an answer that shows something."""

import base64
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    Encode,
    ImagePart,
    ImageUrl,
    Infer,
    Message,
    Partial,
    Request,
    Sampling,
    Score,
    Step,
    TextPart,
)
from modelnet.core.tensor import ITEM_BYTES, Tensor, TensorSpec, byte_tensor
from modelnet.service.ability import judgement
from modelnet.service.ability.claim import Ability
from modelnet.service.skill import SKILLS, draw

Judge: TypeAlias = Callable[[Sequence[Chunk]], str]
"""Returns what is wrong with an answer; nothing where it is as it should be."""

MAX_CONTEXT = 1 << 15
"""Tokens of the longest prompt that is sent only to see it refused."""

_MAX_ELEMENTS = 1 << 22
_AT_ONCE = 4
_IMAGE_SIZE = 64
_MARGIN = 64
_QUESTION = "What is 123 plus 456?"
_FEW = Sampling(max_tokens=32)
_MANY = Sampling(max_tokens=256)
_TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
_SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}


class Trial(NamedTuple):
    """Requests to ask at once, and how to judge each answer."""

    requests: tuple[Request, ...]
    judge: Judge
    is_guess: bool = False
    """Whether the model may well refuse what was made up for it."""
    is_too_long: bool = False
    """Whether the one right answer is to refuse it as too long."""


def trials(ability: Ability, card: ModelCard, said: str = "") -> tuple[Trial, ...]:
    """Return the ways to try a claimed ability, best first; a later one is for when it is refused.

    `said` is what the model answered when it was asked. There is no way where there is nothing to
    try it with.
    """
    if ability == "continuation":
        return _continuation(card, said)
    return _WAYS[ability](card)


def _asking(card: ModelCard, sampling: Sampling = _FEW, **rest: Any) -> Chat | Complete:
    """Return a question in the form the model takes."""
    if "chat" in card.operations:
        return Chat((Message("user", question_for(card)),), sampling, **rest)
    return Complete(question_for(card), sampling, **rest)


def question_for(card: ModelCard) -> str:
    """Return what is asked of a model: of a skill it claims, or what small models know too.

    A specialist may rightly have nothing to say on what is not its own.
    """
    skill = next((skill.id for skill in card.skills if skill.id in SKILLS), None)
    if skill is None:
        return _QUESTION
    return draw(skill, random.Random(0), "train").prompt  # noqa: S311 - the same each time


def _chat(card: ModelCard) -> tuple[Trial, ...]:
    chat = Chat((Message("user", question_for(card)),), _FEW)
    return (Trial((chat,), judgement.says_something),)


def _complete(card: ModelCard) -> tuple[Trial, ...]:
    # A line of its own: in the middle of one, a model may find that nothing is missing.
    return (Trial((Complete(f"{question_for(card)}\n", _FEW),), judgement.says_something),)


def _step(card: ModelCard) -> tuple[Trial, ...]:
    return (Trial((Step(_asking(card), top_k=5),), judgement.tells_next),)


def _score(card: ModelCard) -> tuple[Trial, ...]:
    judge = partial(judgement.scores, _QUESTION)
    return (Trial((Score(_asking(card), _QUESTION),), judge),)


def _embed(card: ModelCard) -> tuple[Trial, ...]:
    judge = partial(judgement.embeds, 2, card.embedding_size)
    return (Trial((Embed((_QUESTION, "Say it again.")),), judge),)


def _encode(card: ModelCard) -> tuple[Trial, ...]:
    judge = partial(judgement.encodes, card.hidden_size)
    return (Trial((Encode((_QUESTION,)),), judge),)


def _infer(card: ModelCard) -> tuple[Trial, ...]:
    """Ask with zeros, and a 0 where text is due: few models have a better use for them."""
    tensors = [_zeros(spec) for spec in card.inputs]
    if not tensors or any(tensor.size > _MAX_ELEMENTS for tensor in tensors):
        return ()
    filled = tuple(_filled(tensor) for tensor in tensors)
    return (Trial((Infer(filled),), partial(judgement.infers, card.outputs), is_guess=True),)


def _zeros(spec: TensorSpec) -> Tensor:
    return Tensor(spec.name, spec.datatype, tuple(max(1, size) for size in spec.shape), b"")


def _filled(tensor: Tensor) -> Tensor:
    if tensor.datatype == "BYTES":
        return byte_tensor(tensor.name, [b"0"] * tensor.size, tensor.shape)
    data = bytes(tensor.size * ITEM_BYTES[tensor.datatype])
    return Tensor(tensor.name, tensor.datatype, tensor.shape, data)


def _tools(_: ModelCard) -> tuple[Trial, ...]:
    question = Message("user", "What is the weather in Paris? Call the tool to find out.")
    return tuple(
        Trial((Chat((question,), _MANY, tools=(_TOOL,), tool_choice=choice),), judgement.calls_tool)
        for choice in ("required", "auto")
    )


def _schemas(_: ModelCard) -> tuple[Trial, ...]:
    question = Message("user", 'Answer with the JSON object {"ok": true} and nothing else.')
    named = {"name": "answer", "schema": _SCHEMA, "strict": True}
    formats: tuple[dict[str, Any], ...] = (
        {"type": "json_schema", "json_schema": named},
        {"type": "json_object"},
    )
    judges = (judgement.keeps_schema, judgement.is_object)
    return tuple(
        Trial((Chat((question,), _MANY, response_format=form),), judge)
        for form, judge in zip(formats, judges, strict=True)
    )


def _images(_: ModelCard) -> tuple[Trial, ...]:
    encoded = base64.b64encode(_red_square()).decode()
    image = ImagePart(ImageUrl(f"data:image/png;base64,{encoded}"))
    chat = Chat((Message("user", (TextPart("Which colour is this?"), image)),), _FEW)
    return (Trial((chat,), judgement.says_something),)


def _red_square() -> bytes:
    """Return an image in PNG, 8 bits each of red, green and blue."""
    rows = (b"\0" + b"\xff\0\0" * _IMAGE_SIZE) * _IMAGE_SIZE
    head = struct.pack(">IIBBBBB", _IMAGE_SIZE, _IMAGE_SIZE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _logprobs(card: ModelCard) -> tuple[Trial, ...]:
    request = _asking(card, Sampling(max_tokens=4, top_logprobs=2))
    return (Trial((request,), judgement.has_logprobs),)


def _continuation(card: ModelCard, said: str) -> tuple[Trial, ...]:
    begun, rest = said[: len(said) // 2], said[len(said) // 2 :]
    if not begun:
        return ()
    request = _asking(card, partial=Partial(begun))
    return (Trial((request,), partial(judgement.goes_on, begun, rest)),)


def _concurrency(card: ModelCard) -> tuple[Trial, ...]:
    """Ask the first operation several times at once."""
    count = min(card.parallel, _AT_ONCE)
    alone = (trial for operation in card.operations for trial in _WAYS[operation](card))
    return tuple(one._replace(requests=one.requests * count) for one in islice(alone, 1))


def _context(card: ModelCard) -> tuple[Trial, ...]:
    if card.context_length is None or card.context_length > MAX_CONTEXT:
        return ()
    # No tokenizer makes less than a token of a digit and the space before it.
    prompt = " ".join(str(number % 10) for number in range(card.context_length + _MARGIN))
    request = (
        Chat((Message("user", prompt),), _FEW)
        if "chat" in card.operations
        else Complete(prompt, _FEW)
    )
    return (Trial((request,), judgement.says_something, is_too_long=True),)


_WAYS: dict[Ability, Callable[[ModelCard], tuple[Trial, ...]]] = {
    "chat": _chat,
    "complete": _complete,
    "step": _step,
    "score": _score,
    "embed": _embed,
    "encode": _encode,
    "infer": _infer,
    "tools": _tools,
    "schema": _schemas,
    "images": _images,
    "logprobs": _logprobs,
    "concurrency": _concurrency,
    "context": _context,
}
