"""What llama.cpp streams, as events of the Messages API. Pure.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from modelnet.resource.backend.reasoning import ReasoningFilter, Split
from modelnet.testbed.standin.anthropic.asked import Asked
from modelnet.testbed.standin.engine import Piece

Event = dict[str, Any]

REFUSED = "ANTHROPIC_MAGIC_STRING_TRIGGER_REFUSAL"
"""How the documentation lets a client try what a refusal looks like."""

_STOP_REASONS = {"eos": "end_turn", "limit": "max_tokens", "word": "stop_sequence"}
_JSON_PIECE = 7
"""Characters: the API streams the input of a tool in pieces too."""


class Teller:
    """Tells one message, event by event."""

    def __init__(self, asked: Asked, splitter: ReasoningFilter | None) -> None:
        """Without a splitter thought is not told apart."""
        self._asked = asked
        self._splitter = splitter
        self._open: str | None = None
        self._index = -1
        self._call = ""

    def start(self, prompt_tokens: int) -> Iterable[Event]:
        """Return how a message begins."""
        usage = {
            "input_tokens": prompt_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 1,
        }
        message = message_of(self._asked, [], usage)
        return [{"type": "message_start", "message": message}, {"type": "ping"}]

    def piece(self, piece: Piece) -> Iterable[Event]:
        """Return the events for a piece."""
        if self._asked.offered:
            self._call += piece.content
        else:
            split = self._split(piece)
            yield from self._said("thinking", split.reasoning)
            yield from self._said("text", split.text)
        if piece.stop:
            yield from self._end(piece)

    def _split(self, piece: Piece) -> Split:
        if self._splitter is None:
            return Split(piece.content)
        split = self._splitter.feed(piece.content)
        rest = self._splitter.flush() if piece.stop else Split()
        return Split(split.text + rest.text, split.reasoning + rest.reasoning)

    def _said(self, kind: str, text: str) -> Iterable[Event]:
        if not text:
            return
        if self._open != kind:
            yield from self._close()
            block = {"type": kind, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
            yield from self._begin(kind, block)
        yield self._delta({"type": f"{kind}_delta", kind: text})

    def _begin(self, kind: str, block: dict[str, Any]) -> Iterable[Event]:
        self._open = kind
        self._index += 1
        yield {"type": "content_block_start", "index": self._index, "content_block": block}

    def _close(self) -> Iterable[Event]:
        if self._open is None:
            return
        if self._open == "thinking":
            yield self._delta({"type": "signature_delta", "signature": "c3RhbmQtaW4="})
        self._open = None
        yield {"type": "content_block_stop", "index": self._index}

    def _delta(self, delta: dict[str, Any]) -> Event:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _end(self, piece: Piece) -> Iterable[Event]:
        yield from self._called()
        yield from self._close()
        reason = _STOP_REASONS.get(piece.stop_type, "end_turn")
        if self._call and reason == "end_turn":
            reason = "tool_use"
        stop = {"stop_reason": reason, "stop_sequence": piece.stopping_word or None}
        usage = {"output_tokens": piece.tokens_predicted}
        yield {"type": "message_delta", "delta": stop, "usage": usage}
        yield {"type": "message_stop"}

    def _called(self) -> Iterable[Event]:
        name, arguments = _call_in(self._call)
        if name is None:
            yield from self._said("text", self._call)
            return
        block: dict[str, Any] = {
            "type": "tool_use",
            "id": "toolu_standin1",
            "name": name,
            "input": {},
        }
        yield from self._begin("tool_use", block)
        for at in range(0, len(arguments), _JSON_PIECE):
            raw = arguments[at : at + _JSON_PIECE]
            yield self._delta({"type": "input_json_delta", "partial_json": raw})


def _call_in(text: str) -> tuple[str | None, str]:
    """Return the name and the arguments of a call, and no name where it was cut short."""
    try:
        call: dict[str, Any] = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None, ""
    return str(call["name"]), msgspec.json.encode(call["arguments"]).decode()


def message_of(asked: Asked, content: list[Any], usage: dict[str, Any]) -> dict[str, Any]:
    """Return a message that has not ended."""
    return {
        "id": "msg_standin",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def whole(events: Iterable[Event]) -> dict[str, Any]:
    """Return all events of a message as the one object that is not streamed."""
    message: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                message["content"].append(dict(event["content_block"]))
            case "content_block_delta":
                _add(message["content"][event["index"]], event, inputs)
            case "message_delta":
                message |= event["delta"]
                message["usage"] |= event["usage"]
            case _:
                pass
    for index, text in inputs.items():
        message["content"][index]["input"] = msgspec.json.decode(text)
    return message


def _add(block: dict[str, Any], event: Event, inputs: dict[int, str]) -> None:
    delta = event["delta"]
    if delta["type"] == "input_json_delta":
        inputs[event["index"]] = inputs.get(event["index"], "") + delta["partial_json"]
        return
    kind = delta["type"].removesuffix("_delta")
    block[kind] += delta[kind]
