"""A `tokenizer.json`: texts to the ids a graph reads, cut at its length."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from modelnet.core.error import InvalidRequestError, ModelFileError, SettingsError
from modelnet.core.tensor import ANY, TensorSpec
from modelnet.resource.backend.typed.array import Array, Arrays, dtype_of

READS = frozenset({"input_ids", "attention_mask", "token_type_ids", "position_ids"})
"""What a graph that reads tokens may take, as exporters call it; each `(batch, seq)`."""


class Tokens(NamedTuple):
    """A text as a graph reads it."""

    ids: tuple[int, ...]
    types: tuple[int, ...]


class Tokenizer:
    """Reads texts; may be called from many threads."""

    def __init__(self, path: Path, *, max_tokens: int, pad_id: int) -> None:
        """Load a tokenizer.

        Raises:
            SettingsError: the package that reads it is not installed.
            ModelFileError: the file cannot be read.
        """
        self._tokenizer = _load(path)
        own, padding = self._tokenizer.truncation, self._tokenizer.padding
        self.max_tokens = min(max_tokens, own["max_length"]) if own else max_tokens
        self._pad_id: int = padding["pad_id"] if padding else pad_id
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.max_tokens)

    def read(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the tokens of each text; what is beyond the length is left out.

        Raises:
            InvalidRequestError: a text has none.
        """
        found = self._tokenizer.encode_batch([*texts])
        if not all(one.ids for one in found):
            raise InvalidRequestError("A text has no tokens to read; leave it out.", param="input")
        return [Tokens(tuple(one.ids), tuple(one.type_ids)) for one in found]

    def feed(self, inputs: Sequence[TensorSpec], tokens: Sequence[Tokens]) -> Arrays:
        """Return the inputs of a graph, padded at the end: each `(batch, seq)`."""
        width = width_of(inputs) or max(len(one.ids) for one in tokens)
        columns = {
            "input_ids": _padded([one.ids for one in tokens], self._pad_id, width),
            "attention_mask": mask_of(tokens, width),
            "token_type_ids": _padded([one.types for one in tokens], 0, width),
            "position_ids": _padded([range(len(one.ids)) for one in tokens], 0, width),
        }
        return {spec.name: columns[spec.name].astype(dtype_of(spec.datatype)) for spec in inputs}


def width_of(inputs: Sequence[TensorSpec]) -> int | None:
    """Return how many tokens a graph takes at a time, if it takes no other number of them."""
    shape = next((spec.shape for spec in inputs if spec.name == "input_ids"), ())
    return None if len(shape) < 2 or shape[1] == ANY else shape[1]


def mask_of(tokens: Sequence[Tokens], width: int) -> Array:
    """Return 1 where a token is and 0 where padding is, `(batch, width)` int64."""
    return _padded([[1] * len(one.ids) for one in tokens], 0, width)


def _padded(rows: Sequence[Sequence[int]], pad: int, width: int) -> Array:
    import numpy as np

    made = np.full((len(rows), width), pad, np.int64)
    for place, row in enumerate(rows):
        made[place, : len(row)] = row
    return made


def _load(path: Path) -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise SettingsError(
            "The package 'tokenizers' is not installed; run: pip install 'ai-modelnet[onnx]'."
        ) from error
    library: Any = tokenizers  # It ships without type information.
    try:
        return library.Tokenizer.from_file(str(path))
    except Exception as error:  # It raises nothing more special.
        raise ModelFileError(f"{path} is no tokenizer ({error}); export the model anew.") from error
