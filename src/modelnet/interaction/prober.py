"""Trying what models claim: a tiny real request for every ability, asked as any other is."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio

from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock
from modelnet.core.error import DeadlineError, EngineError, ModelnetError, RequestError
from modelnet.core.request import Request
from modelnet.interaction.strategy.pool import ModelOf
from modelnet.resource.directory import Offer
from modelnet.resource.model import Model
from modelnet.service.ability import (
    Ability,
    Finding,
    Heard,
    Speed,
    Trial,
    claims,
    speed,
    trials,
    verdict,
)
from modelnet.service.ability.judgement import text_of

TRIAL_S = 30.0
"""A model that needs longer for a few words is of no use to anybody who waits."""

_GRACE_S = 1.0
"""Models end what is late themselves and say so better; this is for one that does not."""

_SPEAKING = ("chat", "complete")


class Prober:
    """Tries models one ability after another: it must not crowd out the work."""

    def __init__(self, model_of: ModelOf, clock: Clock, trial_s: float = TRIAL_S) -> None:
        self._model_of = model_of
        self._clock = clock
        self._trial_s = trial_s

    async def probe(self, offer: Offer) -> AsyncGenerator[Finding | Speed, None]:
        """Yield what each claimed ability turns out to be, and once how fast the model speaks."""
        said = ""
        has_spoken = False
        for ability in claims(offer.card):
            begun = self._clock()
            trial, heard = await self._tried(offer, ability, said)
            seconds = self._clock() - begun
            if trial is None:
                why = "There is nothing to try it with."
                yield Finding(ability=ability, verdict="untried", why=why)
                continue
            found, why = verdict(trial, heard)
            yield Finding(ability=ability, verdict=found, why=why, seconds=seconds)
            if ability in _SPEAKING and found == "works" and not has_spoken:
                has_spoken, said = True, text_of(heard[0].chunks)
                if (measured := speed(heard[0])) is not None:
                    yield measured

    async def _tried(
        self, offer: Offer, ability: Ability, said: str
    ) -> tuple[Trial | None, list[Heard]]:
        """Return the first trial that is not refused, or the last, and what came back."""
        ways = trials(ability, offer.card, said)
        heard: list[Heard] = []
        for trial in ways:
            heard = await self._asked(offer, trial)
            if not any(isinstance(one.error, RequestError) for one in heard):
                return trial, heard
        return (ways[-1] if ways else None), heard

    async def _asked(self, offer: Offer, trial: Trial) -> list[Heard]:
        heard: list[Heard] = []

        async def ask(request: Request) -> None:
            heard.append(await self._ask(offer, request))

        async with anyio.create_task_group() as group:
            for request in trial.requests:
                group.start_soon(ask, request)
        return heard

    async def _ask(self, offer: Offer, request: Request) -> Heard:
        begun = self._clock()
        chunks: list[Chunk] = []
        first_s: float | None = None
        error: ModelnetError | None = None
        try:
            with anyio.fail_after(self._trial_s + _GRACE_S):
                async with aclosing(self._run(self._model_of(offer), request)) as answer:
                    async for chunk in answer:
                        if first_s is None and (chunk.text or chunk.reasoning):
                            first_s = self._clock() - begun
                        chunks.append(chunk)
        except ModelnetError as failure:
            error = failure
        except TimeoutError:
            error = DeadlineError(f"There was no whole answer within {self._trial_s:g} s.")
        seconds = self._clock() - begun
        return Heard(tuple(chunks), error, seconds if first_s is None else first_s, seconds)

    async def _run(self, model: Model, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield an answer to its end, which there must be."""
        is_whole = False
        deadline = self._clock() + self._trial_s
        async with aclosing(model.run(request, deadline=deadline)) as chunks:
            async for chunk in chunks:
                is_whole = chunk.finish is not None
                yield chunk
        if not is_whole:
            raise EngineError(f"{model.card.name} ended its answer without saying why.")
