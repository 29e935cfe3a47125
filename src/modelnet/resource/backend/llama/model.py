"""A model of a llama.cpp server as a Model."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError
from modelnet.core.load import EngineLoad
from modelnet.core.request import Chat, Complete, Request
from modelnet.resource.backend.guard import Lifetime, refuse_unsupported
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint, endpoint_from
from modelnet.resource.backend.http.pool import SPARE_CONNECTIONS
from modelnet.resource.backend.http.secrecy import keeping
from modelnet.resource.backend.http.stream import EventStream
from modelnet.resource.backend.llama.answer import AnswerReader
from modelnet.resource.backend.llama.event import native_event, openai_event
from modelnet.resource.backend.llama.operation import answer_at_once
from modelnet.resource.backend.llama.probe import Probe
from modelnet.resource.backend.llama.server import LlamaServer
from modelnet.resource.backend.occupancy import slots_load
from modelnet.resource.backend.prompt import read_text
from modelnet.resource.backend.reasoning import ReasoningFilter

PROBE_TIMEOUT_S = 60.0
"""Enough for a server that must first load the model."""


def llama_endpoint(text: str) -> Endpoint:
    """Read `URL`, or `URL#model` of a router that serves several.

    Raises:
        SettingsError: the URL is none.
    """
    return endpoint_from(text)


class LlamaModel:
    """The model of a llama.cpp server, with all that server can do."""

    def __init__(
        self, endpoint: Endpoint, *, name: str | None = None, clock: Clock = system_clock
    ) -> None:
        self._endpoint = endpoint
        self._name = name
        self._clock = clock
        self._label = name or endpoint.model or endpoint.root
        self._lifetime = Lifetime(self._label, clock)
        self._key = endpoint.key(os.environ)
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else None
        self._client = Client(endpoint.root, self._label, self._lifetime, clock, headers)
        self._server = self._new_server()
        self._card: ModelCard | None = None

    @property
    def card(self) -> ModelCard:
        """What the server said and showed when it was probed; known once started."""
        if self._card is None:
            raise EngineError(f"The model at {self._endpoint.root} was never started; start it.")
        return self._card

    async def start(self) -> None:
        """Connect, and find out what the model can do.

        Raises:
            SettingsError: the server has no such model.
            EngineError: the server cannot be reached, or is not llama.cpp's.
        """
        # What was remembered of another run may not hold for this one.
        self._server = self._new_server()
        with keeping(self._key):
            async with self._client.starting(SPARE_CONNECTIONS):
                deadline = self._clock() + PROBE_TIMEOUT_S
                self._card = await Probe(self._server, deadline).find(self._name)
                await self._client.reopen(self._card.parallel + SPARE_CONNECTIONS)

    def _new_server(self) -> LlamaServer:
        endpoint = self._endpoint
        return LlamaServer(self._client, endpoint.base, self._label, endpoint.model)

    async def stop(self) -> None:
        """End the answers under way and close the connections."""
        await self._client.stop()

    async def engine_load(self, deadline: float) -> EngineLoad:
        """Return what the server says of its places, as `Shared` says."""
        with keeping(self._key):
            at = self._endpoint
            return await slots_load(self._client, at.base, self._label, at.model, deadline)

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        with keeping(self._key):
            if not isinstance(request, Chat | Complete):
                yield await answer_at_once(self.card, self._server, request, deadline)
                return
            async with aclosing(self._answer(request, deadline)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _answer(
        self, request: Chat | Complete, deadline: float
    ) -> AsyncGenerator[Chunk, None]:
        asking = await self._server.asking(self.card, request, deadline)
        reader = AnswerReader(
            self.card.name,
            openai_event if asking.is_chat else native_event,
            ReasoningFilter(asking.phase),
            prompt=read_text(request),
            alternatives=request.sampling.top_logprobs,
        )
        events = EventStream()
        last: Chunk | None = None
        url = self._server.url("/v1/chat/completions" if asking.is_chat else "/completion")
        async with aclosing(self._client.stream(url, asking.body, deadline)) as pieces:
            async for raw in pieces:
                chunk = reader.read(one for one in events.feed(raw) if one != _DONE)
                if chunk is not None and chunk.finish is None:
                    yield chunk
                last = chunk or last
        if last is None or last.finish is None:
            raise EngineError(f"{self.card.name} broke off in the middle of its answer; ask again.")
        yield last


_DONE = b"[DONE]"
