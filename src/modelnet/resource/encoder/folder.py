"""The folder of the built encoder: made once from the weights, and checked whenever it is loaded.

Its layout is that of sentence-transformers: a node can serve the same folder, `onnx:FOLDER`.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from modelnet.core.error import StorageError
from modelnet.resource.encoder.encoder import MAX_TOKENS
from modelnet.resource.encoder.graph import write_graph
from modelnet.resource.encoder.source import Source, installed, read_weights
from modelnet.resource.encoder.vocabulary import tokenizer_json

GRAPH, TOKENIZER = "model.onnx", "tokenizer.json"
_LENGTH = "sentence_bert_config.json"
_HASHES = "sha256.json"

_VERSION = 1
"""Of the way the graph is made; another one is kept in another folder."""


def built_folder(directory: Path, sources: Sequence[Source]) -> Path:
    """Return the folder of the encoder, which is built unless it lies there whole.

    Raises:
        SettingsError: it must be built, and no weights are installed.
        ModelFileError: the weights are not those that are known.
        StorageError: the folder cannot be written.
    """
    for source in sources:
        if _is_whole(folder := _folder_of(directory, source)):
            return folder
    source, path = installed(sources)
    folder = _folder_of(directory, source)
    files = {
        GRAPH: write_graph(read_weights(source, path)),
        TOKENIZER: tokenizer_json(),
        _LENGTH: msgspec.json.encode({"max_seq_length": MAX_TOKENS}),
    }
    # What says that the others are whole comes last.
    files[_HASHES] = msgspec.json.encode({name: _hash(data) for name, data in files.items()})
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in files.items():
            _replace(folder / name, data)
    except OSError as error:
        raise StorageError(
            f"The sentence encoder cannot be kept in {folder} ({error.strerror}); "
            "choose another directory with --data-dir."
        ) from error
    return folder


def _folder_of(directory: Path, source: Source) -> Path:
    return directory / f"minilm-{_hash(f'{_VERSION} {source.sha256}'.encode())[:16]}"


def _is_whole(folder: Path) -> bool:
    try:
        told = msgspec.json.decode((folder / _HASHES).read_bytes(), type=dict[str, str])
        has = {name: _hash((folder / name).read_bytes()) for name in (GRAPH, TOKENIZER, _LENGTH)}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return has == told


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that others see it whole or not at all, however many write it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
