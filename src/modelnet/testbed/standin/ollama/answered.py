"""What llama.cpp streams, as Ollama's lines tell it. Pure."""

from datetime import datetime
from typing import Any

import msgspec

from modelnet.resource.backend.reasoning import ReasoningFilter, Split
from modelnet.testbed.standin.engine import Alternative, Piece, Token
from modelnet.testbed.standin.ollama.asked import Asked, ChatAsked

_NS = 1_000_000_000
_DONE = {"limit": "length"}


class Teller:
    """Tells one answer, line by line, or as a whole."""

    def __init__(self, asked: Asked, splitter: ReasoningFilter | None, began: float) -> None:
        """`began` is monotonic seconds; without a splitter thought is not told apart."""
        self._asked = asked
        self._splitter = splitter
        self._began = began
        self._call = ""

    def line(self, piece: Piece, moment: datetime, now: float) -> dict[str, Any] | None:
        """Return the line for a piece; while a tool call is being written there is none."""
        text = self._spoken(piece)
        is_chat = isinstance(self._asked, ChatAsked)
        line: dict[str, Any] = {"model": self._asked.model, "created_at": moment.isoformat()}
        if is_chat:
            line["message"] = self._message(text, piece)
        else:
            line |= {"response": text.text} | _thinking(text)
        line["done"] = piece.stop
        if self._asked.logprobs and piece.completion_probabilities:
            line["logprobs"] = [self._logprob(one) for one in piece.completion_probabilities]
        if piece.stop:
            return line | self._metrics(piece, now)
        is_told = text.text or text.reasoning or line.get("logprobs")
        return line if is_told else None

    def _spoken(self, piece: Piece) -> Split:
        if isinstance(self._asked, ChatAsked) and self._asked.wants_call:
            self._call += piece.content
            return Split()
        if self._splitter is None:
            return Split(piece.content)
        split = self._splitter.feed(piece.content)
        rest = self._splitter.flush() if piece.stop else Split()
        return Split(split.text + rest.text, split.reasoning + rest.reasoning)

    def _message(self, text: Split, piece: Piece) -> dict[str, Any]:
        message = {"role": "assistant", "content": text.text} | _thinking(text)
        if not piece.stop or not self._call:
            return message
        try:
            call = msgspec.json.decode(self._call)
        except msgspec.DecodeError:  # Cut short: Ollama's parser gives such text back as it is.
            return message | {"content": self._call}
        return message | {"tool_calls": [{"id": "call_standin1", "function": {"index": 0, **call}}]}

    def _logprob(self, token: Token) -> dict[str, Any]:
        told = _alternative(token)
        if self._asked.top_logprobs:
            wanted = token.top_logprobs[: self._asked.top_logprobs]
            told["top_logprobs"] = [_alternative(one) for one in wanted]
        return told

    def _metrics(self, piece: Piece, now: float) -> dict[str, Any]:
        took = max(1, int((now - self._began) * _NS))
        return {
            "done_reason": _DONE.get(piece.stop_type, "stop"),
            "total_duration": took,
            "load_duration": 1,
            "prompt_eval_count": piece.tokens_evaluated,
            "prompt_eval_duration": took,
            "eval_count": piece.tokens_predicted,
            "eval_duration": took,
        }


def whole(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return all lines of an answer as the one that is not streamed."""
    answer = lines[-1]
    logprobs = [one for line in lines for one in line.get("logprobs", [])]
    if "message" in answer:
        for field in ("content", "thinking"):
            told = "".join(line["message"].get(field, "") for line in lines)
            answer["message"] |= {field: told} if told or field == "content" else {}
    else:
        for field in ("response", "thinking"):
            told = "".join(line.get(field, "") for line in lines)
            answer |= {field: told} if told or field == "response" else {}
    return answer | ({"logprobs": logprobs} if logprobs else {})


def _thinking(text: Split) -> dict[str, str]:
    return {"thinking": text.reasoning} if text.reasoning else {}


def _alternative(token: Alternative) -> dict[str, Any]:
    told: dict[str, Any] = {"token": token.token, "logprob": token.logprob}
    # Ollama makes the bytes of the text, so half a character has lost its own.
    return told | ({"bytes": list(token.token.encode())} if token.token else {})
