"""Asking a server for a token or two, to see what comes.

Refusals cost nothing; what was answered without being honoured counts as not had.
"""

from contextlib import aclosing, suppress
from typing import Any, NamedTuple, cast

import msgspec

from modelnet.core.chunk import Token
from modelnet.core.error import EngineError, RequestError
from modelnet.core.load import EngineLoad
from modelnet.core.request import Complete, Embed
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint
from modelnet.resource.backend.http.stream import EventStream
from modelnet.resource.backend.occupancy import metrics_load
from modelnet.resource.backend.openai.answer import AnswerReader
from modelnet.resource.backend.openai.body import chat_alternatives, embed_body, streamed
from modelnet.resource.backend.openai.embedding import embed_chunk
from modelnet.resource.backend.openai.finding import Dialect

HELLO = [{"role": "user", "content": "Hello"}]
COUNT = "1 2 3 4"

_MANY = 1000
"""Alternatives asked of llama.cpp, which has no limit of its own."""

_CHAT_ALTERNATIVES = 20
_COMPLETION_ALTERNATIVES = (20, 5)
"""The limits of vLLM and of OpenAI."""

_HIDDEN_REASONING_TOKENS = 16
"""For models that think before their first word."""

_OLD = Dialect(has_stream_options=False)
_YOUNG = Dialect(length_field="max_completion_tokens")


class _Attempt(NamedTuple):
    """One way to ask."""

    body: dict[str, Any]
    dialect: Dialect
    alternatives: int = 0
    """To each token, as wanted."""


class Heard(NamedTuple):
    """What a stream of one token brought."""

    dialect: Dialect
    alternatives: int
    """To the token; 0 where no log-probabilities came."""
    prompt_tokens: int
    """As the server told them; 0 where it did not."""


class _Message(msgspec.Struct):
    content: str | None = None
    tool_calls: list[Any] | None = None


class Choice(msgspec.Struct):
    """An answer, as far as trials look at it."""

    message: _Message = msgspec.field(default_factory=_Message)
    text: str | None = None
    logprobs: Any = None
    prompt_logprobs: list[Any] | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: Any = None


class _Answer(msgspec.Struct):
    choices: list[Choice]
    usage: _Usage | None = None


class Trial:
    """Tries one model of one server."""

    def __init__(self, client: Client, endpoint: Endpoint, model: str, deadline: float) -> None:
        self._client = client
        self._endpoint = endpoint
        self.model = model
        self._deadline = deadline

    async def chat(self) -> Heard | None:
        """Try a chat: with log-probabilities, then without, in younger and in older dialects."""
        asked = {"messages": HELLO}
        rich = asked | {"temperature": 0} | chat_alternatives(_CHAT_ALTERNATIVES)
        attempts = [_Attempt(rich, Dialect(), _CHAT_ALTERNATIVES)]
        attempts += [_Attempt(asked, dialect) for dialect in (Dialect(), _OLD, _YOUNG)]
        return await self._first("chat/completions", attempts)

    async def completion(self, *, is_llama: bool) -> Heard | None:
        """Try a completion, with as many alternatives to its token as can be had."""
        asked = {"prompt": COUNT}
        counts = (_MANY, *_COMPLETION_ALTERNATIVES) if is_llama else _COMPLETION_ALTERNATIVES
        attempts = [
            _Attempt(asked | {"temperature": 0, "logprobs": count}, Dialect(), count)
            for count in counts
        ]
        attempts += [_Attempt(asked, dialect) for dialect in (Dialect(), _OLD)]
        return await self._first("completions", attempts)

    async def vectors(self, *inputs: str) -> tuple[bytes, ...]:
        """Try to embed texts, and return their vectors, float32; none where it cannot."""
        request, url = Embed(inputs), f"{self._endpoint.base}/embeddings"
        with suppress(EngineError, RequestError):
            body = embed_body(self.model, request)
            answer = await self._client.post(url, body, self._deadline)
            return embed_chunk(self.model, request, answer).vectors
        return ()

    async def load(self) -> EngineLoad:
        """Return how busy the server is, as vLLM and SGLang tell.

        Raises:
            ModelnetError: it does not tell.
        """
        return await metrics_load(self._client, self._endpoint.root, self.model, self._deadline)

    async def answer(self, body: dict[str, Any], dialect: Dialect) -> tuple[Choice, int] | None:
        """Return the answer to a chat and its prompt's tokens, as told; or that there is none."""
        asked = {dialect.length_field if k == "max_tokens" else k: v for k, v in body.items()}
        told = await self.ask("chat/completions", asked)
        with suppress(msgspec.ValidationError):
            answer = msgspec.convert(told, _Answer)
            count = answer.usage.prompt_tokens if answer.usage else None
            if answer.choices:
                return answer.choices[0], count if isinstance(count, int) else 0
        return None

    async def complete(self, body: dict[str, Any]) -> Choice | None:
        """Return the completion, or that there is none."""
        told = await self.ask("completions", {"max_tokens": 1, "temperature": 0, **body})
        with suppress(msgspec.ValidationError):
            return next(iter(msgspec.convert(told, _Answer).choices), None)
        return None

    async def ask(self, path: str, body: dict[str, Any]) -> Any:
        """Return the JSON of an answer, or nothing where the server cannot give one."""
        return await self._post(f"{self._endpoint.base}/{path}", body)

    async def ask_root(self, path: str, body: dict[str, Any]) -> Any:
        """Do the same outside OpenAI's API."""
        return await self._post(f"{self._endpoint.root}/{path}", body)

    async def _post(self, url: str, body: dict[str, Any]) -> Any:
        with suppress(EngineError, RequestError):
            return await self._client.post_json(url, {"model": self.model, **body}, self._deadline)
        return None

    async def _first(self, path: str, attempts: list[_Attempt]) -> Heard | None:
        """Return what the first attempt brought that made sense.

        A server that refuses a request may take another. One that fails gets a second chance, in
        case it failed over the log-probabilities.
        """
        failures = 0
        for attempt in attempts:
            if failures > (0 if attempt.alternatives else 1):
                continue
            try:
                return await self._hear(path, attempt)
            except RequestError:
                pass
            except EngineError:
                failures += 1
        return None

    async def _hear(self, path: str, attempt: _Attempt) -> Heard:
        """Return what a stream of one token brought.

        Raises:
            ModelnetError: it was refused, or made no sense.
        """
        dialect, most = attempt.dialect, attempt.alternatives
        length = {dialect.length_field: _HIDDEN_REASONING_TOKENS if dialect == _YOUNG else 1}
        asked = streamed({"model": self.model, **attempt.body, **length}, dialect)
        tokens, usage = await self._stream(f"{self._endpoint.base}/{path}", asked)
        count = usage.get("prompt_tokens")
        return Heard(
            dialect,
            min(most, len(tokens[0].alternatives)) if tokens else 0,
            count if isinstance(count, int) else 0,
        )

    async def _stream(self, url: str, body: dict[str, Any]) -> tuple[list[Token], dict[str, Any]]:
        reader, events = AnswerReader(self.model, Complete("")), EventStream()
        tokens: list[Token] = []
        async with aclosing(self._client.stream(url, body, self._deadline)) as pieces:
            async for raw in pieces:
                tokens += reader.read(events.feed(raw)).tokens
        reader.last()
        usage = cast("dict[str, Any]", reader.usage) if isinstance(reader.usage, dict) else {}
        return tokens, usage
