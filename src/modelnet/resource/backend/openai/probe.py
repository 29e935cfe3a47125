"""Finding out what a server's model can do, by asking for one token of each kind."""

from collections.abc import Awaitable
from typing import Any, Literal, TypeAlias

import anyio
import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.error import EngineError, ModelnetError, SettingsError
from modelnet.core.request import Operation
from modelnet.resource.backend.openai.client import Client
from modelnet.resource.backend.openai.endpoint import Endpoint

PARALLEL = 16
"""Requests a server is taken to run at once where it does not say."""

Continuation: TypeAlias = Literal["template", "final_message"] | None
"""How a server goes on with an answer begun elsewhere.

`template`: llama.cpp renders the prompt, and completes it with the answer so far behind it.
`final_message`: vLLM leaves the last message of the chat open.
"""

_MARK = "one two three"
_TOOL = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}


class Listed(msgspec.Struct, frozen=True):
    """A model as `/models` lists it; of the sizes every engine tells another."""

    id: str
    max_model_len: int | None = None
    meta: dict[str, Any] | None = None

    @property
    def parameters(self) -> int | None:
        """Number of weights, where told."""
        return (self.meta or {}).get("n_params")


class _Listing(msgspec.Struct):
    data: list[Listed]


class _Settings(msgspec.Struct):
    n_ctx: int | None = None


class _Props(msgspec.Struct):
    """What llama.cpp tells of itself at `/props`."""

    default_generation_settings: _Settings
    total_slots: int = 1
    modalities: dict[str, bool] = {}
    chat_template_caps: dict[str, Any] = {}


class Findings(msgspec.Struct, frozen=True):
    """What was found out."""

    model: str
    card: ModelCard
    continuation: Continuation


class Probe:
    """Asks one server about one model."""

    def __init__(self, client: Client, endpoint: Endpoint, deadline: float) -> None:
        self._client = client
        self._endpoint = endpoint
        self._deadline = deadline

    async def find(self, name: str | None) -> Findings:
        """Return what the model can do.

        Raises:
            SettingsError: the server has no such model.
            EngineError: the server cannot be reached, or its model does nothing we know.
        """
        listed = await self._listed()
        props, takes_open_message = await self._engine(listed.id)
        asked = await _Asked(self, listed.id, props).ask()
        operations = asked.operations
        if not operations:
            raise EngineError(
                f"{listed.id} at {self._endpoint.root} neither chats, completes nor embeds: "
                f"{asked.refusal}."
            )
        continuation = _continuation(props, operations, takes_open_message)
        card = ModelCard(
            name=name or listed.id,
            operations=operations,
            engine="openai",
            parameters=listed.parameters,
            context_length=listed.max_model_len
            or (props.default_generation_settings.n_ctx if props else None),
            parallel=props.total_slots if props else PARALLEL,
            has_logprobs=asked.has_logprobs,
            has_vision=bool(props and props.modalities.get("vision")),
            has_tools=asked.has_tools,
            can_continue=continuation is not None or "chat" not in operations,
        )
        return Findings(listed.id, card, continuation)
