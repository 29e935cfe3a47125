"""What Ollama says of its models: its list, those in memory, and one of them in detail. Pure."""

from typing import Any

import msgspec

_LATEST = ":latest"
_UNSAID = ("completion", "embedding")
"""What a model may be able to do where an older version does not say: it is tried."""

_LICENCES = {
    "apache license version 2.0": "Apache-2.0",
    "mit license": "MIT",
    "llama 3.1 community license": "LicenseRef-Llama-3.1",
    "llama 3.2 community license": "LicenseRef-Llama-3.2",
    "llama 3.3 community license": "LicenseRef-Llama-3.3",
    "gemma terms of use": "LicenseRef-Gemma",
}
"""By the words that a licence's text begins with."""


class ListedModel(msgspec.Struct):
    """A model on the server's disk."""

    name: str


class Listed(msgspec.Struct):
    """The answer of `/api/tags`."""

    models: list[ListedModel]


class RunningModel(msgspec.Struct):
    """A model in memory, with the context it was given there."""

    name: str
    context_length: int | None = None


class Running(msgspec.Struct):
    """The answer of `/api/ps`."""

    models: list[RunningModel]


class Details(msgspec.Struct):
    """The few words Ollama has for a model."""

    family: str = ""
    parameter_size: str = ""
    quantization_level: str = ""


class Shown(msgspec.Struct):
    """The answer of `/api/show`."""

    capabilities: list[str] | None = None
    model_info: dict[str, Any] = {}
    details: Details = msgspec.field(default_factory=Details)
    license: Any = None
    parameters_text: str = msgspec.field(default="", name="parameters")

    def has(self, capability: str) -> bool:
        """Whether Ollama says the model has a capability."""
        return capability in (self.capabilities or ())

    def may(self, capability: str) -> bool:
        """Whether it is worth trying."""
        return capability in (_UNSAID if self.capabilities is None else self.capabilities)

    @property
    def parameters(self) -> int | None:
        """Number of weights, where told."""
        return _positive(self.model_info.get("general.parameter_count"))

    @property
    def context_length(self) -> int | None:
        """Tokens the operator gave it, else those it was trained for, where told."""
        for line in self.parameters_text.splitlines():
            match line.split():
                case ["num_ctx", count] if count.isdecimal():
                    return int(count)
                case _:
                    pass
        architecture = self.model_info.get("general.architecture", self.details.family)
        return _positive(self.model_info.get(f"{architecture}.context_length"))

    @property
    def licence(self) -> str | None:
        """An SPDX name: the file's own, else by the beginning of the licence's text."""
        named = self.model_info.get("general.license")
        if isinstance(named, str) and named:
            return named
        # A text, or in some versions a list of them: its brackets and quotes are no words.
        told = " ".join(str(self.license).lower().replace("\\n", " ").split()).lstrip("['\"")
        return next((spdx for words, spdx in _LICENCES.items() if told.startswith(words)), None)

    @property
    def description(self) -> str:
        """Family, size and quantisation in one line."""
        words = (
            self.details.family,
            self.details.parameter_size,
            self.details.quantization_level,
        )
        return " ".join(word for word in words if word and word != "unknown")


def same_model(wanted: str, found: str) -> bool:
    """Whether two names are of one model: the tag is `latest` where none is; case is nothing."""
    return _full(wanted) == _full(found)


def _full(name: str) -> str:
    # The tag is in the last part only: what is before may be a registry with a port.
    return (name if ":" in name.rpartition("/")[2] else name + _LATEST).lower()


def _positive(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
