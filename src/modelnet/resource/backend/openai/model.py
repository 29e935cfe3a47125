"""A model of an OpenAI-compatible server as a Model."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError
from modelnet.core.request import Chat, Complete, Embed, Request
from modelnet.resource.backend.guard import (
    Lifetime,
    refuse_continued_format,
    refuse_unsupported,
    unsupported,
)
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint, endpoint_from
from modelnet.resource.backend.http.stream import EventStream
from modelnet.resource.backend.openai.probe import OPEN_MESSAGE, Findings, Probe
from modelnet.resource.backend.openai.wire import (
    AnswerReader,
    chat_body,
    completion_body,
    embed_body,
    embed_chunk,
    messages_of,
    prompt_text,
)
from modelnet.resource.backend.reasoning import Phase, ReasoningFilter, continued, phase_after

PROBE_TIMEOUT_S = 60.0
"""Enough for a server that must first load the model."""


_OWN_KEYS = {
    "api.openai.com": "OPENAI_API_KEY",
    "api.mistral.ai": "MISTRAL_API_KEY",
    "api.deepseek.com": "DEEPSEEK_API_KEY",
    "api.groq.com": "GROQ_API_KEY",
    "openrouter.ai": "OPENROUTER_API_KEY",
    "api.together.xyz": "TOGETHER_API_KEY",
}


def openai_endpoint(text: str) -> Endpoint:
    """Read `URL#model` of a server that speaks OpenAI's API.

    Raises:
        SettingsError: the URL is none.
    """
    return endpoint_from(text, path="/v1", own_keys=_OWN_KEYS)


class OpenAIModel:
    """One model of any server that speaks OpenAI's API."""

    def __init__(
        self, endpoint: Endpoint, *, name: str | None = None, clock: Clock = system_clock
    ) -> None:
        self._endpoint = endpoint
        self._name = name
        self._clock = clock
        label = name or endpoint.model or endpoint.root
        self._lifetime = Lifetime(label, clock)
        key = endpoint.key(os.environ)
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
        self._client.open()
        self._lifetime.begin()
        try:
            probe = Probe(self._client, self._endpoint, self._clock() + PROBE_TIMEOUT_S)
            self._findings = await probe.find(self._name)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the answers under way and close the connections."""
        self._lifetime.end()
        with anyio.CancelScope(shield=True):
            await self._client.close()

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        if isinstance(request, Embed):
            yield await self._embed(request, deadline)
            return
        if not isinstance(request, Chat | Complete):
            raise unsupported(self.card, request)
        url, body, phase = await self._asking(request, deadline)
        reader = AnswerReader(self.card.name, prompt_text(request), ReasoningFilter(phase))
        events = EventStream()
        async with aclosing(self._client.stream(url, body, deadline)) as pieces:
            async for raw in pieces:
                chunk = reader.read(events.feed(raw))
                if chunk != _NOTHING:
                    yield chunk
        yield reader.last()

    async def _embed(self, request: Embed, deadline: float) -> Chunk:
        url, body = f"{self._endpoint.base}/embeddings", embed_body(self._found().model, request)
        answer = await self._client.post(url, body, deadline)
        return embed_chunk(self.card.name, request, answer)

    async def _asking(
        self, request: Chat | Complete, deadline: float
    ) -> tuple[str, dict[str, Any], Phase]:
        """Return where to send what, and where in its answer the model then is."""
        model, begun = self._found().model, request.partial
        if isinstance(request, Complete):
            prompt = request.prompt + begun.text
            return self._completions(), completion_body(model, prompt, request.sampling), "speaking"
        if not begun:
            return self._chats(), chat_body(model, request), "undecided"
        refuse_continued_format(self.card, request)
        if self._found().continuation == "final_message":
            content = continued("", begun.text, begun.reasoning)
            messages = [*messages_of(request), {"role": "assistant", "content": content}]
            body = chat_body(model, request) | OPEN_MESSAGE | {"messages": messages}
            return self._chats(), body, phase_after("", begun.text, begun.reasoning)
        prompt = await self._render(request, deadline)
        phase = phase_after(prompt, begun.text, begun.reasoning)
        raw = prompt + continued(prompt, begun.text, begun.reasoning)
        return self._completions(), completion_body(model, raw, request.sampling), phase

    async def _render(self, request: Chat, deadline: float) -> str:
        """Let llama.cpp apply the model's chat template."""
        body = {"messages": messages_of(request)}
        told = await self._client.post_json(f"{self._endpoint.root}/apply-template", body, deadline)
        try:
            return msgspec.convert(told, _Rendered).prompt
        except msgspec.ValidationError as error:
            raise EngineError(f"{self.card.name} rendered no prompt; ask another model.") from error

    def _chats(self) -> str:
        return f"{self._endpoint.base}/chat/completions"

    def _completions(self) -> str:
        return f"{self._endpoint.base}/completions"

    def _found(self) -> Findings:
        if self._findings is None:
            raise EngineError(f"The model at {self._endpoint.root} was never started; start it.")
        return self._findings


class _Rendered(msgspec.Struct):
    prompt: str


_NOTHING = Chunk()
