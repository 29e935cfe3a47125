"""Reading the folder of an encoder: its graph, its tokenizer, and how its states become a vector.

The layout is that of Hugging Face and sentence-transformers: `model.onnx` or `onnx/model.onnx`,
`tokenizer.json`, and where it embeds, `modules.json` and `1_Pooling/config.json`.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from modelnet.core.error import ModelFileError
from modelnet.resource.backend.onnx.pooling import Pooler, Pooling

MAX_TOKENS = 512
"""How much of a text is read where no file says what the model was made for."""

_GRAPHS = ("model.onnx", "onnx/model.onnx")
_LICENCE = re.compile(r"^license:\s*([\w.+-]+)\s*$", re.MULTILINE)
_MODES: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
_NEW_MODES: dict[str, Pooling] = {"mean": "mean", "cls": "cls", "max": "max", "lasttoken": "last"}


class EncoderFolder(NamedTuple):
    """What the files of a folder say."""

    graph: Path
    tokenizer: Path | None
    max_tokens: int
    pooler: Pooler
    pad_id: int
    """The token that fills up shorter texts, where the tokenizer says none."""
    licence: str | None


def read_folder(folder: Path) -> EncoderFolder:
    """Read what is in a folder.

    Raises:
        ModelFileError: it has no graph, or a file in it cannot be read.
    """
    graph = next((folder / name for name in _GRAPHS if (folder / name).is_file()), None)
    if graph is None:
        raise ModelFileError(f"{folder} holds no model.onnx; export the model into it.")
    tokenizer = folder / "tokenizer.json"
    kinds = _module_kinds(folder)
    pad_id = _settings(folder / "config.json").get("pad_token_id")
    is_known = kinds <= {"Transformer", "Pooling", "Normalize"}
    return EncoderFolder(
        graph=graph,
        tokenizer=tokenizer if tokenizer.is_file() else None,
        max_tokens=_max_tokens(folder),
        pooler=Pooler(_pooling(folder) if is_known else None, "Normalize" in kinds),
        pad_id=pad_id if type(pad_id) is int and pad_id >= 0 else 0,
        licence=_licence(folder),
    )


def _module_kinds(folder: Path) -> set[str]:
    path = folder / "modules.json"
    modules: Any = _read(path) if path.is_file() else []
    try:
        return {str(module["type"]).rpartition(".")[2] for module in modules}
    except (TypeError, KeyError) as error:
        raise ModelFileError(f"{path} is no list of modules; export the model anew.") from error


def _pooling(folder: Path) -> Pooling | None:
    config = _settings(folder / "1_Pooling" / "config.json")
    if isinstance(mode := config.get("pooling_mode"), str):
        return _NEW_MODES.get(mode)
    chosen = [name for name, value in config.items() if name.startswith("pooling_mode") and value]
    if not chosen:
        return "mean"
    return _MODES.get(chosen[0]) if len(chosen) == 1 else None


def _max_tokens(folder: Path) -> int:
    """Return the least of the lengths its files tell of."""
    told = (
        _settings(folder / "sentence_bert_config.json").get("max_seq_length"),
        _settings(folder / "tokenizer_config.json").get("model_max_length"),
        _settings(folder / "config.json").get("max_position_embeddings"),
    )
    # A tokenizer without a limit says 10**30.
    lengths = [one for one in told if type(one) is int and 0 < one < 1 << 24]
    return min(lengths, default=MAX_TOKENS)


def _licence(folder: Path) -> str | None:
    told = _settings(folder / "config.json").get("license")
    if isinstance(told, str):
        return told
    readme = folder / "README.md"
    if not readme.is_file():
        return None
    head = readme.read_text(errors="replace").partition("\n---")[0]
    found = _LICENCE.search(head)
    return found[1] if found and head.startswith("---") else None


def _settings(path: Path) -> dict[str, Any]:
    told: object = _read(path) if path.is_file() else {}
    if not isinstance(told, dict):
        raise ModelFileError(f"{path} holds no settings; export the model anew.")
    return cast("dict[str, Any]", told)


def _read(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelFileError(f"{path} cannot be read ({error}); export the model anew.") from error
