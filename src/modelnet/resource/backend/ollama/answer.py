"""Ollama's lines of JSON, read into chunks."""

import array
from typing import Annotated, Any, TypeAlias

import msgspec

from modelnet.core.chunk import Alternative, Chunk, FinishReason, Token, ToolCall, Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Embed
from modelnet.resource.backend.http.failure import message_of
from modelnet.resource.backend.reasoning import ReasoningFilter, Split
from modelnet.resource.backend.shaping import count_pieces
from modelnet.resource.backend.tool import json_object
from modelnet.resource.backend.usage import believed

_Byte: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=255)]


class _Alternative(msgspec.Struct):
    token: str
    logprob: float
    codes: list[_Byte] | None = msgspec.field(default=None, name="bytes")

    @property
    def raw(self) -> bytes:
        return self.token.encode() if self.codes is None else bytes(self.codes)


class _Token(_Alternative):
    top_logprobs: list[_Alternative] = []


class _Function(msgspec.Struct):
    name: str
    arguments: dict[str, Any] | str | None = None


class _Call(msgspec.Struct):
    function: _Function
    id: str = ""


class _Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class Line(msgspec.Struct):
    """One line of an answer: of a chat the message, of a completion the response."""

    message: _Message | None = None
    response: str = ""
    thinking: str = ""
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    logprobs: list[_Token] | None = None
    error: Any = None

    @property
    def raw_text(self) -> str:
        """What the model said, as it came."""
        return self.response + ((self.message and self.message.content) or "")

    @property
    def thought(self) -> str:
        """What Ollama took for thinking."""
        return self.thinking + ((self.message and self.message.thinking) or "")

    @property
    def calls(self) -> list[_Call]:
        """The tools the model wants called."""
        return (self.message.tool_calls if self.message else None) or []


_decoder = msgspec.json.Decoder(Line)


def line_of(name: str, raw: bytes) -> Line:
    """Read one line.

    Raises:
        EngineError: it is garbage or reports a failure.
    """
    try:
        line = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EngineError(f"{name} answered garbage; ask another model.") from error
    if line.error is not None:
        raise EngineError(f"{name} failed: {message_of(line.error)}; ask again.")
    return line


class AnswerReader:
    """Folds the lines of one answer into chunks. Tokens are counted here where Ollama does not."""

    def __init__(self, name: str, prompt: str, splitter: ReasoningFilter) -> None:
        self._name = name
        self._prompt = prompt
        self._splitter = splitter
        self._pending: list[_Token] = []
        self._calls: list[ToolCall] = []
        self._last: Line | None = None
        self._pieces_seen = 0

    def read(self, lines: list[bytes]) -> Chunk:
        """Return what a batch of lines adds to the answer; it may be nothing.

        Raises:
            EngineError: a line is garbage or reports a failure.
        """
        text, reasoning, n_tokens = "", "", 0
        tokens: list[Token] = []
        for raw in lines:
            line = line_of(self._name, raw)
            split = self._split(line)
            text, reasoning = text + split.text, reasoning + split.reasoning
            tokens += self._tokens_of(line, split)
            n_tokens += not line.done
            self._calls += (self._call(call) for call in line.calls)
            if line.done:
                self._last = line
        self._pieces_seen += count_pieces(text) + count_pieces(reasoning)
        return Chunk(text=text, reasoning=reasoning, n_tokens=n_tokens, tokens=tuple(tokens))

    def last(self) -> Chunk:
        """Return the chunk that ends the answer, once Ollama has nothing more to say.

        Raises:
            EngineError: Ollama broke off.
        """
        if self._last is None:
            raise EngineError(f"{self._name} broke off in the middle of its answer; ask again.")
        rest = self._splitter.flush()
        return Chunk(
            text=rest.text,
            reasoning=rest.reasoning,
            tool_calls=tuple(self._calls),
            finish=self._finish(self._last),
            usage=self._usage(self._last),
        )

    def _split(self, line: Line) -> Split:
        told = self._splitter.feed(line.raw_text)
        return Split(told.text, line.thought + told.reasoning)

    def _tokens_of(self, line: Line, split: Split) -> list[Token]:
        """Return the tokens of what became text or reasoning; those of markers are left out."""
        self._pending += line.logprobs or ()
        if not split.text and not split.reasoning and self._splitter.phase == "undecided":
            return []
        pending, self._pending = self._pending, []
        # The token that ends an answer has no bytes: it is none of the text.
        return [_token(t) for t in pending if t.raw] if split.text or split.reasoning else []

    def _call(self, call: _Call) -> ToolCall:
        arguments = call.function.arguments
        # Ollama sends objects; servers that speak its API send their text.
        text = arguments if isinstance(arguments, str) else _json(arguments)
        place = len(self._calls)
        return ToolCall(
            call.id or f"call_{place}", call.function.name, json_object(text, self._name)
        )

    def _finish(self, line: Line) -> FinishReason:
        if self._calls:
            return "tool_calls"
        return "length" if line.done_reason == "length" else "stop"

    def _usage(self, line: Line) -> Usage:
        # Older versions leave the count out where the prompt was still in their cache.
        counted = Usage(count_pieces(self._prompt), self._pieces_seen)
        return believed(line.prompt_eval_count, line.eval_count, counted)


def _json(arguments: dict[str, Any] | None) -> str:
    return msgspec.json.encode(arguments or {}).decode()


def _token(token: _Token) -> Token:
    return Token(token.token, token.logprob, token.raw, _alternatives(token))


def _alternatives(token: _Token) -> tuple[Alternative, ...]:
    return tuple(Alternative(one.token, one.logprob, one.raw) for one in token.top_logprobs)


def step_chunk(name: str, prompt: str, answer: bytes) -> Chunk:
    """Return what may come next: the alternatives of the only token that was asked for.

    Raises:
        EngineError: Ollama told none, as when the token is half a character.
    """
    line = line_of(name, answer)
    if not line.logprobs or not line.logprobs[0].top_logprobs:
        raise EngineError(f"{name} told no log-probabilities of its next token; ask another model.")
    usage = believed(line.prompt_eval_count, 0, Usage(count_pieces(prompt)))
    return Chunk(alternatives=_alternatives(line.logprobs[0]), finish="stop", usage=usage)


class _Embeddings(msgspec.Struct):
    embeddings: list[list[float]] | None = None
    embedding: list[float] | None = None
    """Of `/api/embeddings`, which older versions have instead."""
    prompt_eval_count: Any = None


def embed_chunk(name: str, request: Embed, answers: list[bytes]) -> Chunk:
    """Return the only chunk of an answer made of vectors, which may come one by one.

    Raises:
        EngineError: the answers are not one vector an input.
    """
    try:
        told = [msgspec.json.decode(answer, type=_Embeddings) for answer in answers]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EngineError(f"{name} returned no embeddings; ask another model.") from error
    vectors = [vector for one in told for vector in one.embeddings or [one.embedding or []]]
    if len(vectors) != len(request.inputs) or not all(vectors):
        raise EngineError(f"{name} returned {len(vectors)} embeddings; ask another model.")
    counted = Usage(sum(map(count_pieces, request.inputs)))
    told_tokens = told[0].prompt_eval_count if len(told) == 1 else None
    return Chunk(
        vectors=tuple(array.array("f", vector).tobytes() for vector in vectors),
        finish="stop",
        usage=believed(told_tokens, 0, counted),
    )
