"""OpenAI's JSON and event stream: pure translation, both ways."""

import array
import base64
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from modelnet.core.chunk import Alternative, Chunk, FinishReason, Token, Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Chat, Complete, Content, Embed, Sampling
from modelnet.resource.backend.http.decoding import decoded
from modelnet.resource.backend.http.failure import message_of
from modelnet.resource.backend.reasoning import ReasoningFilter, Split
from modelnet.resource.backend.shaping import count_pieces
from modelnet.resource.backend.tool import ToolCallReader
from modelnet.resource.backend.usage import believed

_STREAM = {"stream": True, "stream_options": {"include_usage": True}}


def chat_body(model: str, request: Chat) -> dict[str, Any]:
    """Return the JSON of a streamed chat. What the request leaves open is left out."""
    body: dict[str, Any] = {"model": model, "messages": messages_of(request), **_STREAM}
    body |= _sampling(request.sampling)
    if request.sampling.top_logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": request.sampling.top_logprobs}
    if request.tools:
        body["tools"] = request.tools
    if request.response_format is not None:
        body["response_format"] = request.response_format
    return body


def messages_of(request: Chat) -> list[dict[str, Any]]:
    """Return the conversation as OpenAI writes it."""
    return [{"role": m.role, "content": _content(m.content)} for m in request.messages]


def completion_body(model: str, prompt: str, sampling: Sampling) -> dict[str, Any]:
    """Return the JSON of a streamed completion."""
    body: dict[str, Any] = {"model": model, "prompt": prompt, **_STREAM, **_sampling(sampling)}
    if sampling.top_logprobs is not None:
        # Some servers report nothing at all where no alternative is asked for.
        body["logprobs"] = max(1, sampling.top_logprobs)
    return body


def embed_body(model: str, request: Embed) -> dict[str, Any]:
    """Return the JSON of a request for embeddings."""
    return {"model": model, "input": request.inputs, "encoding_format": "float"}


def _content(content: Content) -> Any:
    return content if isinstance(content, str) else msgspec.to_builtins(content)


def _sampling(sampling: Sampling) -> dict[str, Any]:
    wanted = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "stop": sampling.stop or None,
    }
    return {key: value for key, value in wanted.items() if value is not None}


def prompt_text(request: Chat | Complete) -> str:
    """Return all the text a model reads: what is counted where the server does not count."""
    if isinstance(request, Complete):
        return request.prompt
    return "\n".join(message.text for message in request.messages)


class _Alternative(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None


class _Token(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[_Alternative] = []


class _Logprobs(msgspec.Struct):
    """Log-probabilities as chats report them, and as completions of old do."""

    content: list[_Token] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    text: str | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    usage: Any = None
    error: Any = None


_event_decoder = msgspec.json.Decoder(_Event)

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}


class AnswerReader:
    """Folds the events of one streamed answer into chunks.

    Tokens are counted here where the server does not say: as many as it gave log-probabilities
    for, else by pieces of about four letters.
    """

    def __init__(self, name: str, prompt: str, splitter: ReasoningFilter) -> None:
        self._name = name
        self._prompt = prompt
        self._splitter = splitter
        self._finish: FinishReason | None = None
        self._usage: Any = None
        self._tokens_seen = 0
        self._pieces_seen = 0
        self._calls = ToolCallReader(name)

    def read(self, events: Iterable[bytes]) -> Chunk:
        """Return what a batch of events adds to the answer; it may be nothing.

        Raises:
            EngineError: an event is garbage or reports a failure.
        """
        text, reasoning = "", ""
        tokens: list[Token] = []
        # Servers send an event a token, but for the last, which only says why it ends.
        n_tokens = 0
        for event in self._decode(events):
            if event.usage is not None:
                self._usage = event.usage
            for choice in event.choices[:1]:
                split = self._split(choice)
                text, reasoning = text + split.text, reasoning + split.reasoning
                n_tokens += choice.finish_reason is None
                tokens += _tokens_of(choice.logprobs)
                for piece in (choice.delta and choice.delta.tool_calls) or ():
                    self._calls.feed(bytes(piece))
                if choice.finish_reason is not None:
                    self._finish = _FINISH.get(choice.finish_reason, "stop")
        self._tokens_seen += len(tokens)
        self._pieces_seen += count_pieces(text) + count_pieces(reasoning)
        return Chunk(
            text=text,
            reasoning=reasoning,
            n_tokens=n_tokens,
            tokens=tuple(tokens),
        )

    def last(self) -> Chunk:
        """Return the chunk that ends the answer, once the server has nothing more to say.

        Raises:
            EngineError: the server broke off, or called a tool with garbage.
        """
        if self._finish is None:
            raise EngineError(f"{self._name} broke off in the middle of its answer; ask again.")
        rest = self._splitter.flush()
        return Chunk(
            text=rest.text,
            reasoning=rest.reasoning,
            tool_calls=self._calls.calls(),
            finish=self._finish,
            usage=self._count(),
        )

    def _count(self) -> Usage:
        counted = Usage(count_pieces(self._prompt), self._tokens_seen or self._pieces_seen)
        return usage_told(self._usage, counted)

    def _decode(self, events: Iterable[bytes]) -> Iterable[_Event]:
        for data in events:
            if data == b"[DONE]":
                continue
            event = decoded(self._name, data, _event_decoder)
            if event.error is not None:
                raise EngineError(f"{self._name} failed: {message_of(event.error)}; ask again.")
            yield event

    def _split(self, choice: _Choice) -> Split:
        delta = choice.delta or _Delta()
        raw = self._splitter.feed(delta.content or choice.text or "")
        apart = delta.reasoning_content or delta.reasoning or ""
        return Split(raw.text, apart + raw.reasoning)


def _tokens_of(logprobs: _Logprobs | None) -> list[Token]:
    if logprobs is None:
        return []
    if logprobs.content is not None:
        return [
            Token(
                token.token,
                token.logprob,
                _bytes_of(token),
                tuple(Alternative(a.token, a.logprob, _bytes_of(a)) for a in token.top_logprobs),
            )
            for token in logprobs.content
        ]
    return _tokens_of_old(logprobs)


def _tokens_of_old(logprobs: _Logprobs) -> list[Token]:
    texts, values = logprobs.tokens or [], logprobs.token_logprobs or []
    others = logprobs.top_logprobs or [None] * len(texts)
    return [
        Token(text, value, text.encode(), _ranked(other or {}))
        for text, value, other in zip(texts, values, others, strict=False)
        if value is not None
    ]


def _ranked(others: dict[str, float]) -> tuple[Alternative, ...]:
    best_first = sorted(others.items(), key=lambda item: -item[1])
    return tuple(Alternative(text, logprob, text.encode()) for text, logprob in best_first)


def _bytes_of(token: _Token | _Alternative) -> bytes:
    return token.token.encode() if token.bytes is None else bytes(token.bytes)


class _Vector(msgspec.Struct):
    embedding: list[float] | str
    index: int = 0


class _Embeddings(msgspec.Struct):
    data: list[_Vector]
    usage: Any = None


_embeddings_decoder = msgspec.json.Decoder(_Embeddings)


def embed_chunk(name: str, request: Embed, answer: bytes) -> Chunk:
    """Return the only chunk of an answer made of vectors.

    Raises:
        EngineError: the answer is not one vector an input.
    """
    told = decoded(name, answer, _embeddings_decoder)
    if len(told.data) != len(request.inputs):
        raise EngineError(f"{name} returned {len(told.data)} embeddings; ask another model.")
    told.data.sort(key=lambda vector: vector.index)
    usage = usage_told(told.usage, Usage(sum(map(count_pieces, request.inputs))))
    vectors = tuple(_float32(vector.embedding) for vector in told.data)
    return Chunk(vectors=vectors, finish="stop", usage=usage)


def usage_told(usage: Any, counted: Usage) -> Usage:
    """Return the usage of an answer; what we counted where the server's cannot be true."""
    told = cast("dict[str, Any]", usage) if isinstance(usage, dict) else {}
    return believed(told.get("prompt_tokens"), told.get("completion_tokens"), counted)


def _float32(embedding: list[float] | str) -> bytes:
    if isinstance(embedding, str):  # Some servers send base64 whatever is asked for.
        return base64.b64decode(embedding)
    return array.array("f", embedding).tobytes()
