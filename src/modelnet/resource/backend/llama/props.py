"""What llama.cpp says of itself at `/props`, and of its models at `/v1/models`."""

from typing import Any

import msgspec

from modelnet.core.error import EngineError


class _Settings(msgspec.Struct):
    n_ctx: int | None = None


class _Modalities(msgspec.Struct, frozen=True):
    vision: bool = False


class _TemplateCaps(msgspec.Struct, frozen=True):
    supports_tools: bool = False
    supports_tool_calls: bool = False


class Props(msgspec.Struct):
    """The settings that matter here; those an older server does not tell are taken for absent."""

    default_generation_settings: _Settings
    total_slots: int
    model_alias: str = ""
    modalities: _Modalities = _Modalities()
    chat_template_caps: _TemplateCaps = _TemplateCaps()

    @property
    def context_length(self) -> int | None:
        """Tokens of one request."""
        return self.default_generation_settings.n_ctx

    @property
    def has_tools(self) -> bool:
        """Whether the chat template shows tools to the model, and its calls to it again."""
        caps = self.chat_template_caps
        return caps.supports_tools and caps.supports_tool_calls

    @property
    def has_vision(self) -> bool:
        """Whether a projector for images is loaded."""
        return self.modalities.vision


def props_of(name: str, told: Any) -> Props:
    """Read the answer of `/props`.

    Raises:
        EngineError: it is not llama.cpp's.
    """
    try:
        return msgspec.convert(told, Props)
    except msgspec.ValidationError as error:
        raise EngineError(f"{name} is no llama.cpp server; try openai: in front of it.") from error


class _Meta(msgspec.Struct, frozen=True):
    n_params: int | None = None


class Listed(msgspec.Struct):
    """A model as it is listed."""

    id: str
    aliases: list[str] = []
    meta: _Meta | None = None


class _Listing(msgspec.Struct):
    data: list[Listed]


def listed_of(name: str, told: Any) -> list[Listed]:
    """Read the answer of `/v1/models`.

    Raises:
        EngineError: it lists no models.
    """
    try:
        return msgspec.convert(told, _Listing).data
    except msgspec.ValidationError as error:
        raise EngineError(f"{name} lists no models; is it the right server?") from error
