"""Anthropic's stream of events, read into chunks.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming. Events and blocks of kinds
that did not exist when this was written are passed over, as it asks.
"""

from typing import Any

import msgspec

from modelnet.core.chunk import Chunk, FinishReason, ToolCall, Usage
from modelnet.core.error import EngineError, ModelnetError, OverloadedError
from modelnet.resource.backend.http.failure import DEFAULT_RETRY_S, message_of
from modelnet.resource.backend.shaping import count_pieces
from modelnet.resource.backend.tool import json_object
from modelnet.resource.backend.usage import MOST_TOKENS, believed


class _Usage(msgspec.Struct):
    input_tokens: Any = None
    cache_creation_input_tokens: Any = None
    cache_read_input_tokens: Any = None
    output_tokens: Any = None


class _Message(msgspec.Struct):
    usage: _Usage | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Failure(msgspec.Struct):
    type: str = ""
    message: str = ""


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: _Failure | None = None


_decoder = msgspec.json.Decoder(_Event)

_FINISH: dict[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

_BUSY = {"overloaded_error", "rate_limit_error"}


class _Call(msgspec.Struct):
    id: str
    name: str
    arguments: str = ""


class AnswerReader:
    """Folds the events of one message into chunks. Tokens are counted here where nobody says."""

    def __init__(self, name: str, prompt: str, blanks: str = "") -> None:
        """`blanks` ended the begun answer, and were kept back: the model may write them again."""
        self._name = name
        self._prompt = prompt
        self._blanks = blanks
        self._calls: dict[int, _Call] = {}
        self._finish: FinishReason | None = None
        self._is_whole = False
        self._input: int | None = None
        self._output: Any = None
        self._pieces_seen = 0

    def read(self, events: list[bytes]) -> Chunk:
        """Return what a batch of events adds to the answer; it may be nothing.

        Raises:
            EngineError: an event is garbage or reports a failure.
            OverloadedError: it reports that the server has no time.
        """
        text, reasoning, n_tokens = "", "", 0
        for data in events:
            event = self._decode(data)
            said = self._unblanked(_text_of(event))
            thought = _thought_of(event)
            self._note(event)
            text, reasoning = text + said, reasoning + thought
            n_tokens += event.type == "content_block_delta"
        self._pieces_seen += count_pieces(text) + count_pieces(reasoning)
        return Chunk(text=text, reasoning=reasoning, n_tokens=max(1, n_tokens))

    def last(self) -> Chunk:
        """Return the chunk that ends the answer, once the server has nothing more to say.

        Raises:
            EngineError: the server broke off, or called a tool with garbage.
        """
        if self._finish is None or not self._is_whole:
            raise EngineError(f"{self._name} broke off in the middle of its answer; ask again.")
        counted = Usage(count_pieces(self._prompt), self._pieces_seen)
        return Chunk(
            tool_calls=self._tool_calls(),
            finish=self._finish,
            usage=believed(self._input, self._output, counted),
        )

    def _tool_calls(self) -> tuple[ToolCall, ...]:
        """Return the calls; one that the limit cut in the middle is left out."""
        calls = [call for _, call in sorted(self._calls.items())]
        if self._finish == "length":
            calls = [call for call in calls if _is_json(call.arguments)]
        return tuple(
            ToolCall(call.id, call.name, json_object(call.arguments, self._name)) for call in calls
        )

    def _decode(self, data: bytes) -> _Event:
        try:
            event = _decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise EngineError(f"{self._name} answered garbage; ask another model.") from error
        if event.type == "error":
            raise self._failure(event.error or _Failure())
        return event

    def _failure(self, failure: _Failure) -> ModelnetError:
        told = message_of(failure.message or failure.type or "no reason given")
        if failure.type in _BUSY:
            return OverloadedError(
                f"{self._name} is overloaded: {told}; try again in {DEFAULT_RETRY_S:g} s.",
                retry_after_s=DEFAULT_RETRY_S,
            )
        return EngineError(f"{self._name} failed: {told}; ask again.")

    def _note(self, event: _Event) -> None:
        match event.type:
            case "message_start" if event.message is not None:
                self._count(event.message.usage)
            case "content_block_start" if event.content_block is not None:
                if event.content_block.type == "tool_use":
                    block = event.content_block
                    self._calls[event.index] = _Call(block.id, block.name)
            case "content_block_delta" if event.delta is not None and event.index in self._calls:
                self._calls[event.index].arguments += event.delta.partial_json
            case "message_delta":
                self._count(event.usage)
                if event.delta is not None and event.delta.stop_reason is not None:
                    self._finish = _FINISH.get(event.delta.stop_reason, "stop")
            case "message_stop":
                self._is_whole = True
            case _:
                pass

    def _count(self, usage: _Usage | None) -> None:
        """Note the counts, which are of all so far; what was read from a cache was read too."""
        if usage is None:
            return
        read = (
            usage.input_tokens,
            usage.cache_creation_input_tokens,
            usage.cache_read_input_tokens,
        )
        told = [part for part in read if isinstance(part, int) and 0 <= part <= MOST_TOKENS]
        if sum(told):
            self._input = sum(told)
        if usage.output_tokens is not None:
            self._output = usage.output_tokens

    def _unblanked(self, text: str) -> str:
        """Return a text less the blanks that the begun answer ended with already."""
        if not self._blanks or not text:
            return text
        size = min(len(text), len(self._blanks))
        same = next((n for n in range(size, 0, -1) if text[:n] == self._blanks[:n]), 0)
        self._blanks = self._blanks[same:] if same == len(text) else ""
        return text[same:]


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _text_of(event: _Event) -> str:
    if event.type == "content_block_start" and event.content_block is not None:
        return event.content_block.text
    return event.delta.text if event.type == "content_block_delta" and event.delta else ""


def _thought_of(event: _Event) -> str:
    if event.type == "content_block_start" and event.content_block is not None:
        return event.content_block.thinking
    return event.delta.thinking if event.type == "content_block_delta" and event.delta else ""
