"""`/v1/chat/completions`: chunks written as OpenAI's events, answers as its response. Pure."""

from typing import Literal

import msgspec

from modelnet.application.gateway.answer import Answer, Provenance
from modelnet.application.gateway.openai.envelope import Envelope, UsageView, encode, usage_view
from modelnet.application.gateway.openai.logprob import ChatLogprobs, chat_logprobs
from modelnet.application.gateway.openai.tool import ToolCallView, tool_call_views
from modelnet.core.chunk import Chunk, FinishReason, Usage

_DELTA = b'{"index":0,"delta":{'
_NO_LOGPROBS = b"null"


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer, as a message."""

    role: str
    content: str | None
    refusal: None
    reasoning_content: str | None = None
    tool_calls: tuple[ToolCallView, ...] = ()


class ChatChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The one choice there is."""

    index: int
    message: ChatMessage
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """The response to a chat that is not streamed."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: tuple[ChatChoice, ...]
    usage: UsageView
    modelnet: Provenance


def chat_completion(answer: Answer, *, id: str, created: int, origin: Provenance) -> ChatCompletion:
    """Return the response for a whole answer."""
    calls = tuple(tool_call_views(answer.tool_calls))
    message = ChatMessage(
        role="assistant",
        content=None if calls and not answer.text else answer.text,
        refusal=None,
        reasoning_content=answer.reasoning or None,
        tool_calls=calls,
    )
    choice = ChatChoice(
        index=0,
        message=message,
        logprobs=chat_logprobs(answer.tokens) if answer.tokens else None,
        finish_reason=answer.finish,
    )
    return ChatCompletion(
        id=id,
        created=created,
        model=answer.model,
        choices=(choice,),
        usage=usage_view(answer.usage),
        modelnet=origin,
    )


class ChatWriter:
    """Writes the chunks of one streamed chat."""

    def __init__(self, id: str, created: int, *, has_usage: bool) -> None:
        self._envelope = Envelope("chat.completion.chunk", id, created, has_usage=has_usage)
        self._calls = 0
        self._is_open = False
        self.answered_by("")

    def answered_by(self, model: str) -> None:
        """Say who answers from here on."""
        self._envelope.answered_by(model)
        self._before_text = self._envelope.head + _DELTA + b'"content":'
        self._after_text = b'},"logprobs":null,"finish_reason":null}' + self._envelope.tail

    def write(self, chunk: Chunk) -> bytes:
        """Return the events of a chunk; nothing where there is nothing to show."""
        if not self._is_open:
            self._is_open = True
            return self._event(b'"role":"assistant","content":""') + self.write(chunk)
        if not (chunk.tokens or chunk.reasoning or chunk.tool_calls):
            if not chunk.text:
                return b""
            return self._before_text + encode(chunk.text) + self._after_text
        logprobs = encode(chat_logprobs(chunk.tokens)) if chunk.tokens else _NO_LOGPROBS
        return self._event(self._delta(chunk), logprobs)

    def close(self, chunk: Chunk, origin: Provenance) -> bytes:
        """Return the events of the last chunk and the end of the stream."""
        choice = _DELTA + b'},"logprobs":null,"finish_reason":' + encode(chunk.finish) + b"}"
        return self.write(chunk) + self._envelope.closing(choice, chunk.usage or Usage(), origin)

    def _event(self, delta: bytes, logprobs: bytes = _NO_LOGPROBS) -> bytes:
        envelope = self._envelope
        choice = b'%b%b},"logprobs":%b,"finish_reason":null}' % (_DELTA, delta, logprobs)
        return envelope.head + choice + envelope.tail

    def _delta(self, chunk: Chunk) -> bytes:
        parts: list[bytes] = []
        if chunk.reasoning:
            parts.append(b'"reasoning_content":' + encode(chunk.reasoning))
        if chunk.text:
            parts.append(b'"content":' + encode(chunk.text))
        if chunk.tool_calls:
            views = tool_call_views(chunk.tool_calls, first=self._calls)
            self._calls += len(views)
            parts.append(b'"tool_calls":' + encode(views))
        return b",".join(parts)
