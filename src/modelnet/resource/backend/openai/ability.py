"""Which abilities a model shows: tools, formats, images, going on with a message, scoring.

Each is believed only when its effect is seen: a server may take a field and drop it.
"""

import base64
import struct
import zlib
from contextlib import suppress
from typing import Any, cast

import msgspec

from modelnet.core.error import EngineError, ModelnetError
from modelnet.resource.backend.likeness import are_alike
from modelnet.resource.backend.openai.finding import OPEN_MESSAGE, Dialect, Scoring
from modelnet.resource.backend.openai.trial import COUNT, HELLO, Heard, Trial

_MARK = "one two three"

_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Look out of the window, and tell what can be seen there.",
        "parameters": {"type": "object", "properties": {}},
    },
}
_TOOL_TOKENS = 24
"""Fewer than any way of telling a model of that tool takes."""

_OK = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
# Nobody answers these with an object, unless held to one. OpenAI wants JSON to be mentioned.
_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "json_schema": (
        "Name a colour.",
        {"json_schema": {"name": "reply", "strict": True, "schema": _OK}},
    ),
    "json_object": ("What does JSON stand for?", {}),
}
_LONGER = "Hello to everybody else who is there"
_FLOAT_BYTES = 4
_IMAGE_SIDE = 64
"""Pixels; models refuse images smaller than one of their patches."""


async def tools_of(trial: Trial, chat: Heard) -> tuple[bool, bool]:
    """Return whether the model calls tools, and whether it can be made to."""
    asked = _asking("What is to be seen outside?", 64) | {"tools": [_TOOL]}
    forced = await trial.answer(asked | {"tool_choice": "required"}, chat.dialect)
    if forced is not None and forced[0].message.tool_calls:
        return True, True
    free = await trial.answer(asked, chat.dialect)
    if free is None:
        return False, False
    # A model that called nothing may still have read of the tool: its prompt is longer then.
    has_read = chat.prompt_tokens > 0 and free[1] > chat.prompt_tokens + _TOOL_TOKENS
    return bool(free[0].message.tool_calls) or has_read, False


async def formats_of(trial: Trial, dialect: Dialect) -> frozenset[str]:
    """Return the types of `response_format` that the model holds its answer to."""
    for name, (prompt, details) in _FORMATS.items():
        asked = _asking(prompt, 48) | {"response_format": {"type": name, **details}}
        told = await trial.answer(asked, dialect)
        if told is not None and _begins_object(told[0].message.content):
            # Whoever knows schemas knows objects of any kind.
            return frozenset(_FORMATS) if name == "json_schema" else frozenset({name})
    return frozenset()


async def reads_images(trial: Trial, chat: Heard) -> bool:
    """Whether an image is taken and, where tokens are counted, read."""
    parts = [
        {"type": "text", "text": HELLO[0]["content"]},
        {"type": "image_url", "image_url": {"url": _grey_square()}},
    ]
    asked = {"messages": [{"role": "user", "content": parts}], "max_tokens": 1}
    told = await trial.answer(asked, chat.dialect)
    return told is not None and (not chat.prompt_tokens or told[1] > chat.prompt_tokens)


async def embedding_size(trial: Trial, *, is_llama: bool) -> int | None:
    """Return how many numbers a vector has, if there are vectors.

    Raises:
        EngineError: llama.cpp pools only a part of an input that shares a batch with a shorter one.
    """
    alone = await trial.vectors(_LONGER)
    together = await trial.vectors(COUNT, _LONGER) if alone and is_llama else ()
    if together and not are_alike(together[1], alone[0]):
        raise EngineError(
            f"{trial.model} mixes up inputs that share a batch; start it with --kv-unified."
        )
    return len(alone[0]) // _FLOAT_BYTES if alone else None


async def has_metrics(trial: Trial) -> bool:
    """Whether the server tells how many requests it has, as vLLM and SGLang do."""
    with suppress(ModelnetError):
        await trial.load()
        return True
    return False


async def open_message(trial: Trial) -> frozenset[str] | None:
    """Return the tokens that end a message, of servers like vLLM that can leave one open.

    vLLM shows how it would read a chat: one whose last message stays open ends with its text; one
    that is closed has a token behind it.
    """
    messages = [*HELLO, {"role": "assistant", "content": _MARK}]
    asked = {"messages": messages, "return_token_strs": True}
    left_open = await _token_texts(trial, asked | OPEN_MESSAGE)
    # Tokenizers write the space before a word in their own ways.
    word = (left_open[-1:] or [""])[0].lstrip("\u0120\u2581 ")
    if not word or not _MARK.endswith(word):
        return None
    # Some templates tell the model of the last message only: it would not know what it answers.
    if HELLO[0]["content"] not in "".join(left_open):
        return None
    closed = await _token_texts(trial, asked | {"add_generation_prompt": False})
    return frozenset(closed[len(left_open) : len(left_open) + 1])


async def scoring_of(trial: Trial, *, has_ids: bool) -> Scoring:
    """Return how the server tells the log-probabilities of a text, if it does."""
    if has_ids:
        told = await trial.complete({"prompt": COUNT, "prompt_logprobs": 0})
        if told is not None and len(told.prompt_logprobs or ()) > 1:
            return "prompt_logprobs"
    told = await trial.complete({"prompt": COUNT, "echo": True, "logprobs": 1})
    if told is None or not (told.text or "").startswith(COUNT):
        return None
    logprobs = cast("dict[str, Any]", told.logprobs) if isinstance(told.logprobs, dict) else {}
    values = logprobs.get("token_logprobs")
    return "echo" if isinstance(values, list) and len(cast("list[Any]", values)) > 1 else None


class _Tokenized(msgspec.Struct):
    token_strs: list[str] | None = None


async def _token_texts(trial: Trial, body: dict[str, Any]) -> list[str]:
    with suppress(msgspec.ValidationError):
        return msgspec.convert(await trial.ask_root("tokenize", body), _Tokenized).token_strs or []
    return []


def _asking(prompt: str, max_tokens: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": prompt}], "max_tokens": max_tokens}


def _begins_object(text: str | None) -> bool:
    """Whether a text does so; small models never end theirs."""
    return (text or "").lstrip().startswith("{")


def _grey_square() -> str:
    """Return a small PNG as a `data:` URL."""

    def part(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    row = b"\0" + b"\x80" * _IMAGE_SIDE
    head = struct.pack(">IIBBBBB", _IMAGE_SIDE, _IMAGE_SIDE, 8, 0, 0, 0, 0)
    pixels = zlib.compress(row * _IMAGE_SIDE)
    image = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", pixels) + part(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(image).decode()
