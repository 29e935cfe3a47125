"""A model behind Anthropic's Messages API as a Model."""

import os
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from modelnet.core.card import ModelCard, Price
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError, SettingsError, UnsupportedError
from modelnet.core.request import Chat, Request
from modelnet.resource.backend.anthropic.answer import AnswerReader
from modelnet.resource.backend.anthropic.probe import HOST, Findings, Probe
from modelnet.resource.backend.anthropic.wire import message_body
from modelnet.resource.backend.guard import (
    Lifetime,
    refuse_continued_format,
    refuse_response_format,
    refuse_unsupported,
    unsupported,
)
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint, endpoint_from
from modelnet.resource.backend.http.secrecy import keeping
from modelnet.resource.backend.http.stream import EventStream
from modelnet.resource.backend.prompt import read_text

KEY_VARIABLE = "ANTHROPIC_API_KEY"
VERSION = "2023-06-01"
"""Of the API; it names its versions by their day."""

PROBE_TIMEOUT_S = 60.0

_URL = re.compile(r"https?://.*")


def anthropic_endpoint(text: str) -> Endpoint:
    """Read `MODEL` of Anthropic, or `URL#MODEL`, each with `;key=VARIABLE` where it is kept there.

    Raises:
        SettingsError: the URL is none.
    """
    address = text if _URL.fullmatch(text) else f"https://{HOST}#{text}"
    return endpoint_from(address, path="/v1", own_keys={HOST: KEY_VARIABLE})


class AnthropicModel:
    """One model of Anthropic, or of any server that speaks its Messages API."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        name: str | None = None,
        price: Price | None = None,
        clock: Clock = system_clock,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._endpoint = endpoint
        self._name = name
        self._price = price or Price()
        self._clock = clock
        label = name or endpoint.model or endpoint.root
        self._lifetime = Lifetime(label, clock)
        self._key = endpoint.key(environment)
        headers = {"anthropic-version": VERSION} | ({"x-api-key": self._key} if self._key else {})
        with keeping(self._key):
            self._client = Client(endpoint.root, label, self._lifetime, clock, headers)
        self._findings: Findings | None = None

    @property
    def card(self) -> ModelCard:
        """What the API said and showed when it was probed; known once started."""
        return self._found().card

    async def start(self) -> None:
        """Connect, and find out what the model can do.

        Raises:
            SettingsError: there is no such model, or no key to ask for it.
            EngineError: the server cannot be reached, or does not speak Anthropic's API.
        """
        if self._key is None and KEY_VARIABLE in self._endpoint.key_variables:
            raise SettingsError(f"There is no key for {HOST}; set {KEY_VARIABLE}.")
        with keeping(self._key):
            async with self._client.starting():
                probe = Probe(self._client, self._endpoint, self._clock() + PROBE_TIMEOUT_S)
                self._findings = await probe.find(self._name, self._price)

    async def stop(self) -> None:
        """End the answers under way and close the connections."""
        await self._client.stop()

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        if not isinstance(request, Chat):
            raise unsupported(self.card, request)
        self._refuse(request)
        with keeping(self._key):
            async with aclosing(self._answer(request, deadline)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _answer(self, request: Chat, deadline: float) -> AsyncGenerator[Chunk, None]:
        found, begun = self._found(), request.partial.text
        body = message_body(found.model, request, found.max_tokens)
        blanks = begun[len(begun.rstrip()) :]
        reader = AnswerReader(self.card.name, read_text(request), blanks)
        events = EventStream()
        url = f"{self._endpoint.base}/messages"
        async with aclosing(self._client.stream(url, body, deadline)) as pieces:
            async for raw in pieces:
                chunk = reader.read(events.feed(raw))
                if chunk.text or chunk.reasoning:
                    yield chunk
        yield reader.last()

    def _refuse(self, request: Chat) -> None:
        if not self.card.has_schema:
            refuse_response_format(self.card, request)
        refuse_continued_format(self.card, request)
        sampling = request.sampling
        is_drawn_otherwise = sampling.temperature is not None or sampling.top_p is not None
        if is_drawn_otherwise and not self._found().has_temperature:
            raise UnsupportedError(
                f"The model {self.card.name} takes no temperature and no top_p; leave them out."
            )

    def _found(self) -> Findings:
        if self._findings is None:
            raise EngineError(f"The model at {self._endpoint.root} was never started; start it.")
        return self._findings
