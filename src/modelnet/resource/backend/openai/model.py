"""A model of an OpenAI-compatible server as a Model."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from modelnet.core.card import ModelCard, Price
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError
from modelnet.core.load import EngineLoad
from modelnet.core.request import Chat, Complete, Embed, Request, Score, Step
from modelnet.resource.backend.guard import Lifetime, refuse_unsupported, unsupported
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint
from modelnet.resource.backend.http.pool import SPARE_CONNECTIONS
from modelnet.resource.backend.http.stream import EventStream
from modelnet.resource.backend.occupancy import metrics_load, slots_load
from modelnet.resource.backend.openai.answer import AnswerReader
from modelnet.resource.backend.openai.asking import Asker
from modelnet.resource.backend.openai.body import embed_body, streamed
from modelnet.resource.backend.openai.embedding import embed_chunk
from modelnet.resource.backend.openai.endpoint import is_cloud, refuse_missing_key
from modelnet.resource.backend.openai.finding import Findings
from modelnet.resource.backend.openai.probe import probe
from modelnet.resource.backend.openai.refusal import refuse_unfound
from modelnet.resource.backend.openai.score import Scorer
from modelnet.resource.backend.openai.step import step_chunk

PROBE_TIMEOUT_S = 60.0
"""Enough for a server that must first load the model."""

_NOTHING = Chunk()


class OpenAIModel:
    """One model of any server that speaks OpenAI's API."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        name: str | None = None,
        price: Price | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """Ask the model of an endpoint; its key is read from the environment now.

        Raises:
            SettingsError: a cloud's key is missing, or no header can hold it.
        """
        self._endpoint = endpoint
        self._name = name
        self._price = price or Price()
        self._clock = clock
        label = name or endpoint.model or endpoint.root
        self._lifetime = Lifetime(label, clock)
        key = endpoint.key(os.environ)
        refuse_missing_key(endpoint, key)
        headers = {"Authorization": f"Bearer {key}"} if key else None
        self._client = Client(endpoint.root, label, self._lifetime, clock, headers)
        self._findings: Findings | None = None

    @property
    def card(self) -> ModelCard:
        """What the server said and showed when it was probed; known once started."""
        return self._found().card

    async def start(self) -> None:
        """Connect, and find out what the model can do.

        Raises:
            SettingsError: the server has no such model.
            EngineError: the server cannot be reached, or does not speak OpenAI's API.
        """
        async with self._client.starting():
            deadline = self._clock() + PROBE_TIMEOUT_S
            found = await probe(self._client, self._endpoint, self._name, deadline)
            card = msgspec.structs.replace(
                found.card, price=self._price, is_metered=is_cloud(self._endpoint)
            )
            self._findings = msgspec.structs.replace(found, card=card)
            await self._client.reopen(card.parallel + SPARE_CONNECTIONS)

    async def stop(self) -> None:
        """End the answers under way and close the connections."""
        await self._client.stop()

    async def engine_load(self, deadline: float) -> EngineLoad:
        """Return what the server says of its requests, as `Shared` says."""
        at, name = self._endpoint, self.card.name
        match self._found().occupancy:
            case "slots":
                return await slots_load(self._client, at.root, name, at.model, deadline)
            case "metrics":
                return await metrics_load(self._client, at.root, name, deadline)
            case None:
                raise EngineError(f"The server of {name} does not tell how busy it is.")

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        refuse_unfound(self._found(), request, fetches_images=is_cloud(self._endpoint))
        match request:
            case Chat() | Complete():
                async with aclosing(self._answer(request, deadline)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            case Step():
                yield await self._step(request, deadline)
            case Score():
                scorer = Scorer(self._client, self._endpoint, self._found())
                yield await scorer.score(request, deadline)
            case Embed():
                yield await self._embed(request, deadline)
            case _:
                raise unsupported(self.card, request)

    async def _answer(
        self, request: Chat | Complete, deadline: float
    ) -> AsyncGenerator[Chunk, None]:
        asking = await self._asker().answer(request, deadline)
        reader = AnswerReader(self.card.name, request, asking.phase)
        events = EventStream()
        body = streamed(asking.body, self._found().dialect)
        async with aclosing(self._client.stream(asking.url, body, deadline)) as pieces:
            async for raw in pieces:
                chunk = reader.read(events.feed(raw))
                if chunk != _NOTHING:
                    yield chunk
        yield reader.last()

    async def _step(self, request: Step, deadline: float) -> Chunk:
        asking = await self._asker().step(request.prefix, request.top_k, deadline)
        answer = await self._client.post(asking.url, asking.body, deadline)
        return step_chunk(self.card.name, request, answer, self._found().ends)

    async def _embed(self, request: Embed, deadline: float) -> Chunk:
        url, body = self._asker().url("embeddings"), embed_body(self._found().model, request)
        answer = await self._client.post(url, body, deadline)
        return embed_chunk(self.card.name, request, answer)

    def _asker(self) -> Asker:
        return Asker(self._client, self._endpoint, self._found())

    def _found(self) -> Findings:
        if self._findings is None:
            raise EngineError(f"The model at {self._endpoint.root} was never started; start it.")
        return self._findings
