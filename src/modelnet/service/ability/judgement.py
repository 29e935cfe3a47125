"""What an answer shows: each function says what is wrong with it, or nothing."""

import math
from collections.abc import Sequence

import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.error import InvalidRequestError
from modelnet.core.tensor import TensorSpec

_FLOAT_BYTES = 4
_ALMOST_ZERO = 1e-6


def text_of(chunks: Sequence[Chunk]) -> str:
    """Return the text of an answer."""
    return "".join(chunk.text for chunk in chunks)


def says_something(chunks: Sequence[Chunk]) -> str:
    """Judge an answer in words; to think without an end in sight is something, too."""
    if any(chunk.text or chunk.reasoning for chunk in chunks):
        return ""
    return "It answered nothing."


def tells_next(chunks: Sequence[Chunk]) -> str:
    """Judge a step."""
    logprobs = [other.logprob for chunk in chunks for other in chunk.alternatives]
    if not logprobs:
        return "It told no next token."
    if logprobs != sorted(logprobs, reverse=True) or logprobs[0] > _ALMOST_ZERO:
        return "Its log-probabilities are none, or not in order."
    return ""


def scores(continuation: str, chunks: Sequence[Chunk]) -> str:
    """Judge a score."""
    tokens = [token for chunk in chunks for token in chunk.tokens]
    if b"".join(token.bytes for token in tokens) != continuation.encode():
        return "It scored other tokens than those of the text."
    return _judged([token.logprob for token in tokens])


def has_logprobs(chunks: Sequence[Chunk]) -> str:
    """Judge an answer for which log-probabilities were asked."""
    tokens = [token for chunk in chunks for token in chunk.tokens]
    if not tokens:
        return "It told no log-probabilities."
    return _judged([token.logprob for token in tokens])


def embeds(count: int, size: int | None, chunks: Sequence[Chunk]) -> str:
    """Judge vectors: so many, all of the same size, that of the card where it says one."""
    vectors = [vector for chunk in chunks for vector in chunk.vectors]
    sizes = {len(vector) / _FLOAT_BYTES for vector in vectors}
    if len(vectors) != count or len(sizes) != 1 or 0 in sizes:
        return f"It answered {len(vectors)} vectors of {len(sizes)} sizes to {count} texts."
    if size is not None and sizes != {size}:
        return f"Its vectors have {sizes.pop():g} numbers; its card says {size}."
    return ""


def encodes(size: int | None, chunks: Sequence[Chunk]) -> str:
    """Judge hidden states: a row a token, as long as the card says where it does."""
    shapes = [tensor.shape for chunk in chunks for tensor in chunk.tensors]
    if len(shapes) != 1 or len(shapes[0]) != 2 or 0 in shapes[0]:
        return "It answered no hidden states."
    if size is not None and shapes[0][1] != size:
        return f"Its hidden states have {shapes[0][1]} numbers; its card says {size}."
    return ""


def infers(outputs: Sequence[TensorSpec], chunks: Sequence[Chunk]) -> str:
    """Judge tensors: those of the card, each with the data it should have."""
    given = {tensor.name: tensor for chunk in chunks for tensor in chunk.tensors}
    for spec in outputs:
        tensor = given.get(spec.name)
        if tensor is None or not spec.takes(tensor.spec):
            return f"It answered no {spec.name!r} as its card describes it."
        try:
            tensor.check()
        except InvalidRequestError as error:
            return error.message
    return ""


def calls_tool(chunks: Sequence[Chunk]) -> str:
    """Judge whether the one tool there is was called, with arguments that fit."""
    calls = [call for chunk in chunks for call in chunk.tool_calls]
    if not calls:
        return _unended(chunks) or "It answered in words and called no tool."
    if calls[0].name != "weather":
        return f"It called {calls[0].name[:100]!r}, a tool it was not given."
    if not isinstance(_decoded(calls[0].arguments).get("city"), str):
        return "It called the tool with other arguments than the tool takes."
    return ""


def keeps_schema(chunks: Sequence[Chunk]) -> str:
    """Judge an answer that was to be `{"ok": true or false}`."""
    found = _decoded(text_of(chunks))
    if set(found) == {"ok"} and isinstance(found["ok"], bool):
        return ""
    return _unended(chunks) or "It answered with something else than the schema allows."


def is_object(chunks: Sequence[Chunk]) -> str:
    """Judge an answer that was to be any JSON object."""
    if _decoded(text_of(chunks)):
        return ""
    return _unended(chunks) or "It answered with no JSON object."


def goes_on(begun: str, rest: str, chunks: Sequence[Chunk]) -> str:
    """Judge an answer that was to go on after `begun`, of which `rest` was the rest before."""
    said = text_of(chunks)
    if said.startswith(begun) and not rest.startswith(begun):
        return "It began anew instead of going on."
    return (
        "" if said or says_something(chunks) == "" or chunks[-1].finish == "stop" else "It stopped."
    )


def _unended(chunks: Sequence[Chunk]) -> str:
    usage = chunks[-1].usage
    if chunks[-1].finish != "length" or usage is None:
        return ""
    return f"It had not come to an end after {usage.completion_tokens} tokens."


def _judged(logprobs: Sequence[float]) -> str:
    if all(logprob <= _ALMOST_ZERO and not math.isnan(logprob) for logprob in logprobs):
        return ""
    return "Its log-probabilities are none."


def _decoded(text: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
