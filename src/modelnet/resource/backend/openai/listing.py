"""What a server tells of itself and its models. Every engine tells another part."""

from contextlib import suppress
from typing import Any, cast

import msgspec

from modelnet.core.error import EngineError, RequestError, SettingsError
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint

_NAMES_SHOWN = 20


class Listed(msgspec.Struct, frozen=True):
    """A model as `/models` lists it."""

    id: str
    max_model_len: Any = None
    """Of vLLM and SGLang."""
    context_length: Any = None
    """Of OpenRouter and Together."""
    context_window: Any = None
    """Of Groq."""
    max_context_length: Any = None
    """Of Mistral and LM Studio."""
    meta: Any = None
    """Of llama.cpp."""

    owned_by: Any = None

    @property
    def is_llama(self) -> bool:
        """Whether llama.cpp serves it, where told; proxies hand that on."""
        return self.owned_by == "llamacpp"

    @property
    def tokens(self) -> int | None:
        """How many tokens the context holds, where told."""
        told = (
            self.max_model_len,
            self.context_length,
            self.context_window,
            self.max_context_length,
        )
        return next((n for n in told if isinstance(n, int) and n > 0), None)

    @property
    def parameters(self) -> int | None:
        """Number of weights, where told."""
        return self._told("n_params")

    @property
    def vocabulary(self) -> int | None:
        """Number of tokens there are, where told."""
        return self._told("n_vocab")

    def _told(self, name: str) -> int | None:
        meta = cast("dict[str, Any]", self.meta) if isinstance(self.meta, dict) else {}
        told = meta.get(name)
        return told if isinstance(told, int) and told > 0 else None


class _Listing(msgspec.Struct):
    data: list[Listed]


class _Settings(msgspec.Struct):
    n_ctx: int | None = None


class Props(msgspec.Struct):
    """What llama.cpp tells of itself at `/props`."""

    default_generation_settings: _Settings
    total_slots: int
    modalities: dict[str, bool] = {}
    chat_template_caps: dict[str, Any] = {}

    @property
    def n_ctx(self) -> int | None:
        """Tokens of one request."""
        return self.default_generation_settings.n_ctx


async def listed(client: Client, endpoint: Endpoint, deadline: float) -> Listed:
    """Return the model that is meant, as the server lists it.

    Raises:
        SettingsError: the server has no such model.
        EngineError: the server cannot be reached, or lists no models.
    """
    models = await _models(client, endpoint, deadline)
    wanted = endpoint.model
    if wanted is None and len(models) == 1:
        return models[0]
    if wanted is not None and not models:
        # `transformers serve` lists what was downloaded, and serves any folder it is asked for.
        return Listed(wanted)
    # Ollama gives a model without a tag the tag `latest`.
    found = [model for model in models if model.id in {wanted, f"{wanted}:latest"}]
    if not found:
        names = ", ".join(model.id for model in models[:_NAMES_SHOWN]) or "none"
        more = ", and others" if len(models) > _NAMES_SHOWN else ""
        raise SettingsError(
            f"{endpoint.root} has no model {wanted or 'of its own'}; write one of "
            f"{names}{more} behind a # in the address."
        )
    return found[0]


async def _models(client: Client, endpoint: Endpoint, deadline: float) -> list[Listed]:
    told = await client.get(f"{endpoint.base}/models", deadline)
    try:
        return msgspec.convert(told, _Listing).data
    except msgspec.ValidationError as error:
        raise EngineError(f"{endpoint.root} lists no models; is it the right server?") from error


async def props_of(client: Client, endpoint: Endpoint, deadline: float) -> Props | None:
    """Return what llama.cpp says of itself, and nothing of any other server.

    Raises:
        AvailabilityError: the server has no time even for this.
    """
    with suppress(EngineError, RequestError, msgspec.ValidationError):
        told = await client.get(f"{endpoint.root}/props", deadline)
        return msgspec.convert(told, Props)
    return None
