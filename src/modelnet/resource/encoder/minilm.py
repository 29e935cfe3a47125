"""MiniLM on ONNX Runtime: one thread, one text after the other."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from modelnet.resource.backend.batching import Abandonment
from modelnet.resource.backend.onnx.session import Session
from modelnet.resource.backend.onnx.tokens import Tokenizer
from modelnet.resource.backend.typed.array import Array
from modelnet.resource.encoder.encoder import MAX_TOKENS, Encoder, beginning
from modelnet.resource.encoder.folder import GRAPH, TOKENIZER, built_folder
from modelnet.resource.encoder.graph import INPUT, OUTPUT
from modelnet.resource.encoder.source import SOURCES, Source, missing

_PACKAGES = ("onnxruntime", "tokenizers")
_CPU = ("CPUExecutionProvider",)


def load_encoder(directory: Path, sources: Sequence[Source] = SOURCES) -> Encoder:
    """Load the encoder, built into the directory the first time. Blocks for 0.2 s, or 1 s to build.

    Raises:
        SettingsError: a package of the extra `encoder` is missing.
        ModelFileError: the weights are not those that are known, or the graph cannot be loaded.
        StorageError: the directory cannot be written.
    """
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise missing(f"the package {package!r}")
    return MiniLM(built_folder(directory, sources))


class MiniLM:
    """An Encoder. Texts do not share a run: on one core that would gain nothing (see `graph`)."""

    def __init__(self, folder: Path) -> None:
        """Load the graph and the tokenizer of a built folder.

        Raises:
            ModelFileError: one of them cannot be loaded.
        """
        # A graphics processor lacks these operators, and its turns would go to models.
        self._session = Session(folder / GRAPH, threads=1, providers=_CPU)
        self._tokenizer = Tokenizer(folder / TOKENIZER, max_tokens=MAX_TOKENS, pad_id=0)
        self._size = self._session.outputs[0].shape[-1]

    def encode(self, texts: Sequence[str]) -> Array:
        """Return an embedding a text, as `Encoder.encode` says."""
        import numpy as np

        made = np.empty((len(texts), self._size), np.float32)
        for row, text in enumerate(texts):
            (tokens,) = self._tokenizer.read([beginning(text)])
            feed = {INPUT: np.array([tokens.ids], np.int64)}
            made[row] = self._session.run(feed, [OUTPUT], Abandonment())[OUTPUT][0]
        return made
