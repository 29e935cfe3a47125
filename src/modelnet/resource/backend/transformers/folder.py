"""What a folder of Hugging Face says of itself, before anything heavy reads it."""

from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from modelnet.core.error import ModelFileError
from modelnet.resource.backend.transformers.weight import count_weights

Pooling: TypeAlias = Literal["mean", "first", "last"]
"""How the hidden states of a text become its one vector: their mean, or that of a token."""

_POOLINGS: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
    "pooling_mode_lasttoken": "last",
}
_DECODERS = ("ForCausalLM", "LMHeadModel")

T = TypeVar("T")


class Embedder(msgspec.Struct, frozen=True):
    """How a sentence-transformers folder embeds."""

    pooling: Pooling
    is_normalised: bool
    longest: int | None = None
    """Tokens of an input, where the folder limits them."""
    prompt: str = ""
    """What it puts before every input."""


class Folder(msgspec.Struct, frozen=True):
    """A model folder that was checked."""

    path: Path
    """Where the weights are."""
    parameters: int
    is_decoder: bool
    """Whether it predicts the next token; encoders only tell hidden states."""
    embedder: Embedder | None = None


class _Config(msgspec.Struct):
    model_type: str
    architectures: list[str] = []
    is_encoder_decoder: bool = False


class _Module(msgspec.Struct):
    path: str
    type: str

    @property
    def kind(self) -> str:
        """The last part of its type: `Pooling`."""
        return self.type.rpartition(".")[2]


class _Length(msgspec.Struct):
    max_seq_length: int | None = None


class _Prompts(msgspec.Struct):
    prompts: dict[str, str] = {}
    default_prompt_name: str | None = None


def read_folder(path: Path) -> Folder:
    """Read and check a folder.

    Raises:
        ModelFileError: it is missing, incomplete or corrupt, or of a kind that is not served.
    """
    if not path.is_dir():
        raise ModelFileError(f"{path} is not a folder; give that of a model on this machine.")
    if (path / "modules.json").is_file():
        return _sentence_folder(path)
    if (path / "adapter_config.json").is_file() and not (path / "config.json").is_file():
        raise ModelFileError(f"{path} is an adapter only; merge it into its model and save that.")
    config = _read(path / "config.json", _Config)
    if config.is_encoder_decoder:
        raise ModelFileError(
            f"{path} holds an encoder with a decoder, which is not served; give a decoder."
        )
    # transformers would do without one that is corrupt, and forget how an answer ends.
    _read_or(path / "generation_config.json", dict[str, Any]())
    is_decoder = any(name.endswith(_DECODERS) for name in config.architectures)
    return Folder(path, count_weights(path), is_decoder)


def _sentence_folder(path: Path) -> Folder:
    modules = {module.kind: module for module in _read(path / "modules.json", list[_Module])}
    if unknown := modules.keys() - {"Transformer", "Pooling", "Normalize"}:
        raise ModelFileError(
            f"{path} embeds with {min(unknown)}, which is not served; give another."
        )
    if not {"Transformer", "Pooling"} <= modules.keys():
        raise ModelFileError(f"{path} does not say how it embeds; download the whole model.")
    inner = path / modules["Transformer"].path
    embedder = Embedder(
        _pooling(path / modules["Pooling"].path / "config.json"),
        "Normalize" in modules,
        _read_or(inner / "sentence_bert_config.json", _Length()).max_seq_length,
        _prompt(path / "config_sentence_transformers.json"),
    )
    _read(inner / "config.json", _Config)
    return Folder(inner, count_weights(inner), is_decoder=False, embedder=embedder)


def _pooling(path: Path) -> Pooling:
    told = _read(path, dict[str, Any])
    chosen = [
        key for key, value in told.items() if key.startswith("pooling_mode") and value is True
    ]
    if len(chosen) != 1 or chosen[0] not in _POOLINGS:
        raise ModelFileError(f"{path} pools by {chosen}, which is not served; give another model.")
    return _POOLINGS[chosen[0]]


def _prompt(path: Path) -> str:
    told = _read_or(path, _Prompts())
    return told.prompts.get(told.default_prompt_name or "", "")


def _read_or(path: Path, default: T) -> T:
    return _read(path, type(default)) if path.is_file() else default


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ModelFileError(
            f"{path} cannot be read ({error.strerror}); download the whole model."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelFileError(f"{path} is corrupt ({error}); download it again.") from error
