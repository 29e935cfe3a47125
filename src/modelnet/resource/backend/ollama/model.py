"""A model of an Ollama server as a Model."""

import os
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError
from modelnet.core.request import Chat, Complete, Embed, Request, Step
from modelnet.resource.backend.guard import (
    Lifetime,
    refuse_continued_format,
    refuse_unsupported,
    unsupported,
)
from modelnet.resource.backend.http.client import LINES, Client
from modelnet.resource.backend.http.endpoint import Endpoint, endpoint_from
from modelnet.resource.backend.http.secrecy import keeping
from modelnet.resource.backend.http.stream import LineStream
from modelnet.resource.backend.ollama.answer import AnswerReader, embed_chunk, step_chunk
from modelnet.resource.backend.ollama.probe import Findings, Probe
from modelnet.resource.backend.ollama.wire import (
    Asking,
    chat_asking,
    complete_asking,
    embed_body,
    next_token,
)
from modelnet.resource.backend.prompt import read_text
from modelnet.resource.backend.reasoning import ReasoningFilter

LOCAL = "http://127.0.0.1:11434"
"""Where Ollama listens unless told otherwise."""

PROBE_TIMEOUT_S = 600.0
"""Enough to load a large model from a slow disk: its first answer is slow, not wrong."""

PARALLEL_VARIABLE = "OLLAMA_NUM_PARALLEL"
"""Ollama's own variable. Its API does not tell how many requests it runs at once."""

_URL = re.compile(r"https?://.*")


def ollama_endpoint(text: str) -> Endpoint:
    """Read `MODEL` of this machine's Ollama, or `URL#MODEL`, with `;key=VARIABLE` for a proxy.

    Raises:
        SettingsError: the URL is none.
    """
    return endpoint_from(text if _URL.fullmatch(text) else f"{LOCAL}#{text}", path="/api")


class OllamaModel:
    """One model of an Ollama server, which must have it already: nothing is pulled."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        name: str | None = None,
        clock: Clock = system_clock,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._endpoint = endpoint
        self._name = name
        self._clock = clock
        label = name or endpoint.model or endpoint.root
        self._lifetime = Lifetime(label, clock)
        self._parallel = _parallel(environment)
        self._key = endpoint.key(environment)
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else None
        with keeping(self._key):
            self._client = Client(endpoint.root, label, self._lifetime, clock, headers)
        self._findings: Findings | None = None

    @property
    def card(self) -> ModelCard:
        """What Ollama said and showed when it was probed; known once started."""
        return self._found().card

    async def start(self) -> None:
        """Connect, have the model loaded, and find out what it can do.

        Raises:
            SettingsError: the server has no such model.
            EngineError: the server cannot be reached, or does not speak Ollama's API.
        """
        with keeping(self._key):
            async with self._client.starting():
                self._findings = await self._probe().find(self._name)

    async def stop(self) -> None:
        """End the answers under way and close the connections; the model stays loaded."""
        await self._client.stop()

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        with keeping(self._key):
            match request:
                case Embed():
                    yield await self._embed(request, deadline)
                case Step():
                    yield await self._step(request, deadline)
                case Chat() | Complete():
                    async with aclosing(self._answer(request, deadline)) as chunks:
                        async for chunk in chunks:
                            yield chunk
                case _:
                    raise unsupported(self.card, request)

    async def _answer(
        self, request: Chat | Complete, deadline: float
    ) -> AsyncGenerator[Chunk, None]:
        refuse_continued_format(self.card, request)
        asking = self._asking(request)
        reader = AnswerReader(self.card.name, read_text(request), ReasoningFilter(asking.phase))
        lines = LineStream()
        stream = self._client.stream(self._url(request), asking.body, deadline, media_type=LINES)
        async with aclosing(stream) as pieces:
            async for raw in pieces:
                chunk = reader.read(lines.feed(raw))
                if chunk != _NOTHING:
                    yield chunk
        yield reader.last()

    async def _step(self, request: Step, deadline: float) -> Chunk:
        asking = self._asking(request.prefix)
        body = next_token(asking.body, request.top_k)
        answer = await self._client.post(self._url(request.prefix), body, deadline)
        return step_chunk(self.card.name, read_text(request.prefix), answer)

    async def _embed(self, request: Embed, deadline: float) -> Chunk:
        base, found = self._endpoint.base, self._found()
        if found.embeds_at_once:
            body = embed_body(found.model, request)
            answers = [await self._client.post(f"{base}/embed", body, deadline)]
        else:
            answers = [
                await self._client.post(
                    f"{base}/embeddings", {"model": found.model, "prompt": text}, deadline
                )
                for text in request.inputs
            ]
        return embed_chunk(self.card.name, request, answers)

    def _asking(self, request: Chat | Complete) -> Asking:
        found = self._found()
        if isinstance(request, Chat):
            return chat_asking(found.model, request, thinks=found.thinks)
        return complete_asking(found.model, request, thinks=found.thinks)

    def _url(self, request: Chat | Complete) -> str:
        return f"{self._endpoint.base}/{'chat' if isinstance(request, Chat) else 'generate'}"

    def _probe(self) -> Probe:
        deadline = self._clock() + PROBE_TIMEOUT_S
        return Probe(self._client, self._endpoint, deadline, parallel=self._parallel)

    def _found(self) -> Findings:
        if self._findings is None:
            raise EngineError(f"The model at {self._endpoint.root} was never started; start it.")
        return self._findings


def _parallel(environment: Mapping[str, str]) -> int:
    told = environment.get(PARALLEL_VARIABLE, "")
    return max(1, int(told)) if told.isdecimal() else 1


_NOTHING = Chunk()
