"""One text a decoder reads, token by token: its key/value cache."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from modelnet.core.error import ModelFileError
from modelnet.resource.backend.transformers.array import Floats
from modelnet.resource.backend.transformers.library import Libraries

PIECE_TOKENS = 256
"""A long prompt is read in such pieces: between two of them the work can be stopped."""

IsStopped = Callable[[], bool]


class Interface(NamedTuple):
    """How the `forward` of a decoder calls what all decoders have."""

    cache: str
    keep: str | None
    """How many logits of the end to compute; some compute all."""


def interface_of(model: Any) -> Interface:
    """Look at the parameters of `forward`.

    Raises:
        ModelFileError: the model keeps no cache that could be handed to it.
    """
    known = inspect.signature(model.forward).parameters
    cache = next((name for name in ("cache", "past_key_values") if name in known), None)
    if cache is None:
        raise ModelFileError(
            f"A {type(model).__name__} keeps no attention cache, which is not served; give another."
        )
    return Interface(cache, "logits_to_keep" if "logits_to_keep" in known else None)


class StoppedError(Exception):
    """Nobody waits for the answer any more."""


class Sequence:
    """What was read so far. Used by one thread at a time."""

    def __init__(self, libraries: Libraries, model: Any, interface: Interface) -> None:
        self._torch = libraries.torch
        self._model = model
        self._device = model.device
        self._interface = interface
        self._cache = libraries.transformers.DynamicCache(config=model.config)

    def read(self, tokens: list[int], keep: int = 1) -> Floats:
        """Read on in one pass, and return the logits after the last `keep` tokens (keep, vocab)."""
        options = {self._interface.cache: self._cache, "use_cache": True}
        if self._interface.keep is not None:
            options[self._interface.keep] = keep
        ids = self._torch.tensor([tokens], device=self._device)
        with self._torch.inference_mode():
            logits = self._model(input_ids=ids, **options).logits[0, -keep:]
            return logits.float().cpu().numpy()

    def read_prompt(self, tokens: list[int], is_stopped: IsStopped) -> Floats:
        """Read a text in pieces, and return the logits after its last token (vocab,).

        Raises:
            StoppedError: the work was stopped.
        """
        *pieces, last = _pieces(tokens)
        for piece in pieces:
            self.read(piece)
            if is_stopped():
                raise StoppedError
        return self.read(last)[0]

    def follow(
        self, prefix: list[int], given: list[int], is_stopped: IsStopped
    ) -> Iterator[Floats]:
        """Read a prefix, then what is given after it; yield the logits before each given token.

        Raises:
            StoppedError: the work was stopped.
        """
        yield self.read_prompt(prefix, is_stopped)
        for piece in _pieces(given[:-1]):
            if is_stopped():
                raise StoppedError
            yield from self.read(piece, keep=len(piece))


def _pieces(tokens: list[int]) -> list[list[int]]:
    return [tokens[at : at + PIECE_TOKENS] for at in range(0, len(tokens), PIECE_TOKENS)]
