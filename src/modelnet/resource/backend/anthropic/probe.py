"""Finding out what a model behind the Messages API can do, at the price of a token or two.

The API lists its models and what they can read; the rest is tried. All of it is tried in one
request of one token, and only where that is refused, piece by piece: refusals cost nothing.
"""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

import msgspec

from modelnet.core.card import ModelCard, Price
from modelnet.core.error import AvailabilityError, EngineError, RequestError, SettingsError
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint

HOST = "api.anthropic.com"

PARALLEL = 16
"""Requests at once; what the plan of the key allows, the API tells by refusing more."""

DEFAULT_MAX_TOKENS = 16_384
"""For requests that set no limit, unless the model allows less."""

UNTOLD_MAX_TOKENS = 4_096
"""The same, where the server does not tell what its model allows."""

_LISTED = 1000

_HELLO = {"role": "user", "content": "Hello"}
_OPENING = {"role": "assistant", "content": "One two"}
_TOOL = {"name": "look", "description": "Look.", "input_schema": {"type": "object"}}

_EXTRAS: dict[str, dict[str, Any]] = {
    "continuation": {"messages": [_HELLO, _OPENING]},
    "temperature": {"temperature": 0.5},
    "tools": {"tools": [_TOOL]},
}


class _Support(msgspec.Struct, frozen=True):
    supported: bool = False


class _Capabilities(msgspec.Struct, frozen=True):
    image_input: _Support = _Support()
    structured_outputs: _Support = _Support()


class Told(msgspec.Struct, frozen=True):
    """A model as the API tells of it; servers that only speak its language tell less."""

    id: str
    display_name: str = ""
    max_input_tokens: int | None = None
    max_tokens: int | None = None
    capabilities: _Capabilities | None = None

    @property
    def can(self) -> _Capabilities:
        """What it can read and write, as far as told."""
        return self.capabilities or _Capabilities()


class _Listing(msgspec.Struct):
    data: list[Told]


class Findings(msgspec.Struct, frozen=True):
    """What was found out."""

    model: str
    card: ModelCard
    has_temperature: bool
    """Whether the model takes a temperature: newer ones do not."""
    max_tokens: int
    """For requests that set no limit."""


class Probe:
    """Asks one server about one model."""

    def __init__(self, client: Client, endpoint: Endpoint, deadline: float) -> None:
        self._client = client
        self._endpoint = endpoint
        self._deadline = deadline

    async def find(self, name: str | None, price: Price) -> Findings:
        """Return what the model can do.

        Raises:
            SettingsError: the server has no such model.
            EngineError: the server cannot be reached, refuses the key, or its model does not chat.
            OverloadedError: the server has no time even for this.
        """
        told = await self._told()
        works = await self._tried(told.id)
        card = ModelCard(
            name=name or told.id,
            description=told.display_name,
            operations=("chat",),
            engine="anthropic",
            context_length=told.max_input_tokens,
            parallel=PARALLEL,
            has_vision=told.can.image_input.supported,
            has_tools="tools" in works,
            has_schema=told.can.structured_outputs.supported,
            can_continue="continuation" in works,
            price=price,
            is_metered=self._endpoint.root == f"https://{HOST}",
        )
        limit = min(told.max_tokens or UNTOLD_MAX_TOKENS, DEFAULT_MAX_TOKENS)
        return Findings(told.id, card, "temperature" in works, limit)

    async def _told(self) -> Told:
        """Return the model by its name, which may be an alias, or from the list."""
        wanted = self._endpoint.model
        if wanted is not None:
            with suppress(EngineError, RequestError, msgspec.ValidationError):
                url = self._url(f"models/{quote(wanted, safe='')}")
                told = await self._client.get(url, self._deadline)
                return msgspec.convert(told, Told)
        listing = await self._listing()
        if wanted is None and len(listing) == 1:
            return listing[0]
        found = [entry for entry in listing if entry.id == wanted]
        if not found:
            names = ", ".join(entry.id for entry in listing) or "none"
            raise SettingsError(
                f"{self._endpoint.root} has no model {wanted or 'of its own'}; "
                f"write one of: {names}."
            )
        return found[0]

    async def _listing(self) -> list[Told]:
        told = await self._client.get(self._url(f"models?limit={_LISTED}"), self._deadline)
        try:
            return msgspec.convert(told, _Listing).data
        except msgspec.ValidationError as error:
            raise EngineError(
                f"{self._endpoint.root} lists no models; is it the right server?"
            ) from error

    async def _tried(self, model: str) -> set[str]:
        """Return which of the extras work."""
        everything: dict[str, Any] = {}
        for extra in _EXTRAS.values():
            everything |= extra
        if await self._works(model, everything):
            return set(_EXTRAS)
        works = {name for name, extra in _EXTRAS.items() if await self._works(model, extra)}
        if not works:
            # Nothing but the plain question is left; what it is refused for is the reason.
            await self._ask(model, {})
        return works

    async def _works(self, model: str, extra: dict[str, Any]) -> bool:
        """Whether a request with something extra is answered.

        Raises:
            AvailabilityError: the server has no time now; that says nothing of the model.
        """
        try:
            await self._ask(model, extra)
        except AvailabilityError:
            raise
        except (EngineError, RequestError):
            return False
        return True

    async def _ask(self, model: str, extra: dict[str, Any]) -> None:
        body = {"model": model, "max_tokens": 1, "messages": [_HELLO]} | extra
        await self._client.post_json(self._url("messages"), body, self._deadline)

    def _url(self, path: str) -> str:
        return f"{self._endpoint.base}/{path}"
