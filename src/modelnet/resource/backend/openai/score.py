"""How likely a given text is, token by token, from servers that tell what they thought of a prompt.

vLLM takes the ids of prefix and continuation, tokenized apart, so that the continuation begins at a
token of its own. Other servers repeat the text; there a token may lie across the border.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from modelnet.core.chunk import Chunk, Token, Usage
from modelnet.core.error import EngineError, InvalidRequestError, UnsupportedError
from modelnet.core.request import Chat, Complete, Score
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.decoding import decoded
from modelnet.resource.backend.http.endpoint import Endpoint
from modelnet.resource.backend.openai.answer import usage_told
from modelnet.resource.backend.openai.asking import begun_chat
from modelnet.resource.backend.openai.body import messages_of
from modelnet.resource.backend.openai.finding import Findings
from modelnet.resource.backend.openai.logprob import Logprobs, bytes_of
from modelnet.resource.backend.prompt import read_text
from modelnet.resource.backend.shaping import count_pieces

MAX_IDS = 1 << 20


class _Tokenized(msgspec.Struct):
    tokens: Annotated[list[int], msgspec.Meta(max_length=MAX_IDS)]


class _Read(msgspec.Struct):
    """What vLLM thought of one token of the prompt."""

    logprob: float
    decoded_token: str | None = None


class _Choice(msgspec.Struct):
    prompt_logprobs: list[dict[str, _Read] | None] | None = None
    logprobs: Logprobs | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] = []
    usage: Any = None


_tokenized = msgspec.json.Decoder(_Tokenized)
_answers = msgspec.json.Decoder(_Answer)


class Scorer:
    """Asks one server, whose abilities are known, for scores."""

    def __init__(self, client: Client, endpoint: Endpoint, findings: Findings) -> None:
        self._client = client
        self._endpoint = endpoint
        self._findings = findings
        self._name = findings.card.name

    async def score(self, request: Score, deadline: float) -> Chunk:
        """Return the only chunk of a score.

        Raises:
            ModelnetError: the server refused, failed, or tells of other tokens.
        """
        if self._findings.scoring == "prompt_logprobs":
            tokens, usage = await self._by_ids(request, deadline)
        elif isinstance(request.prefix, Complete):
            tokens, usage = await self._by_echo(request.prefix, request.continuation, deadline)
        else:
            raise UnsupportedError(
                f"The model {self._name} scores raw texts, not answers of a chat; "
                "ask a model that does."
            )
        counted = Usage(count_pieces(read_text(request.prefix) + request.continuation))
        return Chunk(
            tokens=tokens,
            n_tokens=len(tokens),
            finish="stop",
            usage=Usage(usage_told(usage, counted).prompt_tokens),
        )

    async def _by_ids(self, request: Score, deadline: float) -> tuple[tuple[Token, ...], Any]:
        before = await self._ids(prefix_body(request.prefix), deadline)
        own = await self._ids(
            {"prompt": request.continuation, "add_special_tokens": False}, deadline
        )
        asked = {"prompt": [*before, *own], "max_tokens": 1, "prompt_logprobs": 0}
        told = await self._ask(asked, deadline)
        read = (told.choices[0].prompt_logprobs if told.choices else None) or []
        found = [
            one[str(token)]
            for one, token in zip(read[len(before) :], own, strict=False)
            if one is not None and str(token) in one
        ]
        if not found or len(found) != len(own):
            raise self._senseless()
        scores = [(one.decoded_token or "", one.logprob) for one in found]
        return tokens_for(request.continuation, scores), told.usage

    async def _by_echo(
        self, prefix: Complete, continuation: str, deadline: float
    ) -> tuple[tuple[Token, ...], Any]:
        before = prefix.prompt + prefix.partial.text
        asked = {"prompt": before + continuation, "max_tokens": 1, "echo": True, "logprobs": 1}
        told = await self._ask(asked, deadline)
        logprobs = told.choices[0].logprobs if told.choices else None
        scores = _within(logprobs or Logprobs(), len(before), len(before + continuation))
        if not scores:
            raise self._senseless()
        if "".join(text for text, _ in scores) != continuation:
            raise InvalidRequestError(
                f"For {self._name} a token lies across the beginning of the continuation; "
                "begin it with a space, or at a word."
            )
        return tokens_for(continuation, scores), told.usage

    async def _ask(self, body: dict[str, Any], deadline: float) -> _Answer:
        asked = {"model": self._findings.model, "temperature": 0, **body}
        url = f"{self._endpoint.base}/completions"
        return decoded(self._name, await self._client.post(url, asked, deadline), _answers)

    async def _ids(self, body: dict[str, Any], deadline: float) -> list[int]:
        asked = {"model": self._findings.model, **body}
        url = f"{self._endpoint.root}/tokenize"
        answer = await self._client.post(url, asked, deadline)
        return decoded(self._name, answer, _tokenized).tokens

    def _senseless(self) -> EngineError:
        return EngineError(f"{self._name} told no score of the continuation; ask another model.")


def prefix_body(prefix: Chat | Complete) -> dict[str, Any]:
    """Return what asks vLLM for the ids of all that comes before a continuation."""
    if isinstance(prefix, Complete):
        return {"prompt": prefix.prompt + prefix.partial.text}
    body = {"messages": messages_of(prefix), "add_generation_prompt": True, **begun_chat(prefix)}
    return body | ({"tools": prefix.tools} if prefix.tools else {})


def tokens_for(continuation: str, scores: Sequence[tuple[str, float]]) -> tuple[Token, ...]:
    """Return the tokens of a continuation from their texts and log-probabilities.

    Where the texts are not those of the continuation, as with tokens that are parts of characters,
    it is told as one token: the sum is right, its parts are not known.
    """
    if "".join(text for text, _ in scores) == continuation:
        return tuple(Token(text, min(0.0, value), bytes_of(text)) for text, value in scores)
    total = min(0.0, sum(value for _, value in scores))
    return (Token(continuation, total, continuation.encode()),)


def _within(told: Logprobs, begin: int, end: int) -> list[tuple[str, float]]:
    """Return the tokens that lie between two places of the text, as far as they are told."""
    texts, values = told.tokens or [], told.token_logprobs or []
    found: list[tuple[str, float]] = []
    at = 0
    for text, value in zip(texts, values, strict=False):
        if begin < at + len(text) and at < end and value is not None:
            found.append((text, value))
        at += len(text)
    return found
