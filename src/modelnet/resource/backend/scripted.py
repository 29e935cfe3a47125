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
from modelnet.core.chunk import Chunk, Token, Usage
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError, OverloadedError
from modelnet.core.request import Chat, Complete, Embed, Request, text_of
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
    operations = ("chat", "complete", "embed")
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
        refuse_response_format(self._card, request)
        if not isinstance(request, Chat | Complete | Embed):
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
                self._embed(request, deadline)
                if isinstance(request, Embed)
                else self._answer(request, deadline)
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

    async def _embed(self, request: Embed, deadline: float) -> AsyncGenerator[Chunk, None]:
        if await self._goes_on(0, self._pace.first_token_s, deadline):
            usage = Usage(sum(count_pieces(text) for text in request.inputs))
            vectors = tuple(_vector(text) for text in request.inputs)
            yield Chunk(vectors=vectors, finish="stop", usage=usage)


def _vector(text: str) -> bytes:
    digest = hashlib.blake2b(text.encode(), digest_size=VECTOR_SIZE).digest()
    return struct.pack(f"<{VECTOR_SIZE}f", *(byte / 127.5 - 1.0 for byte in digest))
