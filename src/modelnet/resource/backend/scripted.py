"""A model that answers from a script, at the pace and with the failures it is told.

For tests and simulations: deterministic, and asleep on the event loop's clock only, so that a loop
on virtual time runs a thousand of them. A token is a piece of `modelnet.resource.backend.shaping`.
"""

import hashlib
import math
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

import anyio
import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Alternative, Chunk, Token, Usage
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError, OverloadedError
from modelnet.core.request import Chat, Complete, Embed, Prefix, Request, Score, Step, text_of
from modelnet.resource.backend.guard import (
    Lifetime,
    refuse_response_format,
    refuse_unsupported,
    unsupported,
)
from modelnet.resource.backend.shaping import Shaper, count_pieces, pieces_of

Rule = Callable[[str], str]
"""Returns the answer to a prompt."""

VECTOR_SIZE = 8

OTHERS = (" the", " a", ".", "1", "")
"""Tokens that are always thought possible besides the scripted one; the last ends the answer."""

P_UNHEARD_OF = 1e-6
"""Probability of a token that is neither scripted nor one of the others."""


class Dies(msgspec.Struct, frozen=True):
    """The engine fails after this many tokens."""

    after_tokens: int = 0


class Hangs(msgspec.Struct, frozen=True):
    """Nothing more comes after this many tokens, and no end either."""

    after_tokens: int = 0


class Refuses(msgspec.Struct, frozen=True):
    """No place is free."""

    retry_after_s: float = 1.0


class BreaksOff(msgspec.Struct, frozen=True):
    """The stream ends after this many tokens without saying why, as no Model may."""

    after_tokens: int = 0


Failure = Dies | Hangs | Refuses | BreaksOff


class Pace(msgspec.Struct, frozen=True):
    """How fast a scripted model is; at the default it answers at once."""

    first_token_s: float = 0.0
    tokens_per_s: float = math.inf

    def wait_s(self, index: int) -> float:
        """Return how long the token at `index` takes to come."""
        return (self.first_token_s if index == 0 else 0.0) + 1.0 / self.tokens_per_s


def scripted_card(name: str = "scripted", *, parallel: int = 16) -> ModelCard:
    """Return the card of a scripted model that does everything with text."""
    operations = ("chat", "complete", "step", "score", "embed")
    return ModelCard(name=name, operations=operations, engine="scripted", parallel=parallel)


class ScriptedModel:
    """Answers with `answers[prompt]` (prompts it lacks are echoed) or with what a rule returns.

    `failure` may be set at any time and holds for the answers that begin after it.
    """

    def __init__(
        self,
        answers: Mapping[str, str] | Rule | None = None,
        *,
        card: ModelCard | None = None,
        pace: Pace | None = None,
        failure: Failure | None = None,
        p_token: float = 0.9,
        clock: Clock = system_clock,
    ) -> None:
        self._answers: Mapping[str, str] | Rule = answers if answers is not None else {}
        self._card = card or scripted_card()
        self._pace = pace or Pace()
        self._p_token = p_token
        self._lifetime = Lifetime(self._card.name, clock)
        self.failure = failure
        self.running = 0
        """Answers under way."""
        self.requests: list[Request] = []
        """Every request that was let in, oldest first."""

    @property
    def card(self) -> ModelCard:
        """The card that was given."""
        return self._card

    async def start(self) -> None:
        """Begin to answer."""
        self._lifetime.begin()

    async def stop(self) -> None:
        """End the answers under way."""
        self._lifetime.end()

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer by the script, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self._card, request)
        refuse_response_format(self._card, _asked(request))
        if not isinstance(request, Chat | Complete | Embed | Step | Score):
            raise unsupported(self._card, request)
        if isinstance(self.failure, Refuses):
            raise OverloadedError(
                f"The model {self._card.name} is busy; try again later.",
                retry_after_s=self.failure.retry_after_s,
            )
        self.requests.append(request)
        self.running += 1
        try:
            steps = (
                self._answer(request, deadline)
                if isinstance(request, Chat | Complete)
                else self._answer_at_once(request, deadline)
            )
            async with aclosing(steps) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self.running -= 1

    async def _answer(
        self, request: Chat | Complete, deadline: float
    ) -> AsyncGenerator[Chunk, None]:
        shaper = Shaper(request.sampling, request.partial.text)
        prompt = text_of(request)
        said = 0
        for piece in self._pieces_to_say(prompt, request.partial.text):
            if not await self._goes_on(said, self._pace.wait_s(said), deadline):
                return
            said += 1
            if text := shaper.feed(piece):
                yield self._chunk(request, text)
            if shaper.finish is not None:
                break
        if await self._goes_on(said, 0.0, deadline):
            rest = shaper.flush()
            usage = Usage(count_pieces(prompt), shaper.completion_tokens)
            yield Chunk(text=rest, finish=shaper.finish, usage=usage)

    def _pieces_to_say(self, prompt: str, already: str) -> list[str]:
        whole = self._answer_to(prompt)
        if not whole.startswith(already):
            return pieces_of(whole)
        # The part already shown takes no time: an engine that continues only reads it.
        fresh = pieces_of(whole[len(already) :])
        return [already + fresh[0], *fresh[1:]] if fresh else [already]

    def _answer_to(self, prompt: str) -> str:
        if callable(self._answers):
            return self._answers(prompt)
        return self._answers.get(prompt, prompt)

    async def _goes_on(self, said: int, wait_s: float, deadline: float) -> bool:
        """Wait for what follows `said` tokens, and return whether anything does."""
        failure = self.failure
        if failure is None or isinstance(failure, Refuses) or said < failure.after_tokens:
            await self._wait(wait_s, deadline)
            return True
        if isinstance(failure, Hangs):
            await self._wait(math.inf, deadline)
        if isinstance(failure, Dies):
            raise EngineError(f"The engine of {self._card.name} failed, as scripted; ask again.")
        return False

    async def _wait(self, wait_s: float, deadline: float) -> None:
        with self._lifetime.wait(deadline):
            await anyio.sleep(wait_s)

    def _chunk(self, request: Chat | Complete, text: str) -> Chunk:
        if request.sampling.top_logprobs is None:
            return Chunk(text=text)
        logprob = math.log(self._p_token)
        return Chunk(text=text, tokens=(Token(text, logprob, text.encode()),))

    async def _answer_at_once(
        self, request: Step | Score | Embed, deadline: float
    ) -> AsyncGenerator[Chunk, None]:
        if not await self._goes_on(0, self._pace.first_token_s, deadline):
            return
        match request:
            case Step():
                yield self._step(request)
            case Score():
                yield self._score(request)
            case Embed():
                usage = Usage(sum(count_pieces(text) for text in request.inputs))
                vectors = tuple(_vector(text) for text in request.inputs)
                yield Chunk(vectors=vectors, finish="stop", usage=usage)

    def _step(self, request: Step) -> Chunk:
        prefix = request.prefix
        likely = self._likely(text_of(prefix), prefix.partial.text)
        ranked = sorted(likely.items(), key=lambda item: -item[1])[: request.top_k]
        alternatives = tuple(Alternative(t, math.log(p), t.encode()) for t, p in ranked)
        return Chunk(alternatives=alternatives, finish="stop", usage=_usage(prefix))

    def _score(self, request: Score) -> Chunk:
        prompt, said = text_of(request.prefix), request.prefix.partial.text
        tokens: list[Token] = []
        for piece in pieces_of(request.continuation):
            p_piece = self._probability(prompt, said, piece)
            tokens.append(Token(piece, math.log(p_piece), piece.encode()))
            said += piece
        usage = _usage(request.prefix, request.continuation)
        return Chunk(tokens=tuple(tokens), finish="stop", usage=usage)

    def _likely(self, prompt: str, said: str) -> dict[str, float]:
        """Return what may come after `said`, and how likely it is.

        Off its script a model is at a loss: all the others are as likely as each other.
        """
        rest = self._rest(prompt, said)
        if rest is None:
            return dict.fromkeys(OTHERS, 1.0 / len(OTHERS))
        scripted = next(iter(pieces_of(rest)), "")
        others = [other for other in OTHERS if other != scripted]
        p_other = max(P_UNHEARD_OF, (1.0 - self._p_token) / len(others))
        return {scripted: self._p_token} | dict.fromkeys(others, p_other)

    def _probability(self, prompt: str, said: str, piece: str) -> float:
        likely = self._likely(prompt, said)
        if piece in likely:
            return likely[piece]
        rest = self._rest(prompt, said)
        # The scripted text, but cut in another place.
        return self._p_token if rest is not None and rest.startswith(piece) else P_UNHEARD_OF

    def _rest(self, prompt: str, said: str) -> str | None:
        """Return what is still to be said by the script; `None` where something else was said."""
        whole = self._answer_to(prompt)
        return whole[len(said) :] if whole.startswith(said) else None


def _asked(request: Request) -> Request:
    return request.prefix if isinstance(request, Step | Score) else request


def _usage(prefix: Prefix, continuation: str = "") -> Usage:
    """Return what is read of a prefix and what follows it."""
    read = text_of(prefix), prefix.partial.text, continuation
    return Usage(sum(map(count_pieces, read)))


def _vector(text: str) -> bytes:
    digest = hashlib.blake2b(text.encode(), digest_size=VECTOR_SIZE).digest()
    return struct.pack(f"<{VECTOR_SIZE}f", *(byte / 127.5 - 1.0 for byte in digest))
