"""A loaded model with its tokenizer, asked from threads: text to tokens, tokens to numbers."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from modelnet.core.error import (
    EngineError,
    ModelFileError,
)
from modelnet.resource.backend.transformers.array import Floats
from modelnet.resource.backend.transformers.drawing import Habits
from modelnet.resource.backend.transformers.folder import Folder
from modelnet.resource.backend.transformers.library import load_libraries
from modelnet.resource.backend.transformers.loading import load
from modelnet.resource.backend.transformers.sequence import Sequence, interface_of
from modelnet.resource.backend.transformers.tokenizer import Tokenizer
from modelnet.resource.backend.transformers.vocabulary import Vocabulary, read_vocabulary

DEFAULT_CONTEXT_LENGTH = 8192
"""Tokens a request may have where the model allows more: the cache of all of them takes memory."""


class Engine:
    """A folder in memory. Every method blocks; all may be called from many threads."""

    def __init__(self, folder: Folder, name: str) -> None:
        """Load a folder.

        Raises:
            SettingsError: torch or transformers is not installed.
            ModelFileError: the folder cannot be served.
            Exception: whatever the libraries raise on a folder that is wrong.
        """
        self._name = name
        self._folder = folder
        self._libraries = load_libraries()
        loaded = load(self._libraries, folder)
        self._model: Any = loaded.model
        self._config: Any = loaded.model.config.get_text_config()
        self._interface = interface_of(loaded.model) if folder.is_decoder else None
        self.tokenizer = self._tokenizer(loaded.tokenizer)
        self._readings: set[object] = set()

    @property
    def n_open(self) -> int:
        """Texts being read right now."""
        return len(self._readings)

    @property
    def hidden_size(self) -> int:
        """Numbers in a hidden state."""
        return self._config.hidden_size

    @property
    def layers(self) -> int:
        """Layers above the embedding of the tokens."""
        return self._config.num_hidden_layers

    @property
    def habits(self) -> Habits:
        """How the model's makers want it to be drawn from."""
        told = self._model.generation_config
        if not told.do_sample:
            return Habits()
        return Habits(_or(told.temperature, 1.0), _or(told.top_p, 1.0), _or(told.top_k, 0))

    @contextmanager
    def open(self) -> Generator[Sequence, None, None]:
        """Begin to read a text.

        Raises:
            EngineError: torch failed.
        """
        if self._interface is None:
            raise EngineError(f"{self._name} predicts no tokens; ask another model.")
        with self._working():
            yield Sequence(self._libraries, self._model, self._interface)

    def hidden_states(self, tokens: list[int], layer: int) -> Floats:
        """Return the hidden states of a text at a layer (tokens, hidden size).

        Raises:
            EngineError: torch failed.
        """
        torch, model = self._libraries.torch, self._model
        keep = self._interface.keep if self._interface else None
        options: dict[str, Any] = {keep: 1} if keep else {}
        if self._folder.is_decoder:
            options["use_cache"] = False
        with self._working(), torch.inference_mode():
            ids = torch.tensor([tokens], device=model.device)
            told = model(input_ids=ids, output_hidden_states=True, **options)
            return told.hidden_states[layer][0].float().cpu().numpy()

    def close(self) -> None:
        """Let go of the weights, when no other method is under way."""
        self._model = None
        if self._libraries.torch.cuda.is_available():
            self._libraries.torch.cuda.empty_cache()

    @contextmanager
    def _working(self) -> Generator[None, None, None]:
        reading = object()
        self._readings.add(reading)
        try:
            yield
        except RuntimeError as error:  # Out of memory, mostly; torch has no class for the rest.
            told = str(error).partition("\n")[0]
            raise EngineError(
                f"The engine of {self._name} failed ({told}); ask again or another model."
            ) from error
        finally:
            self._readings.discard(reading)

    def _tokenizer(self, own: Any) -> Tokenizer:
        vocabulary = Vocabulary([], frozenset())
        if self._folder.is_decoder:
            vocabulary = read_vocabulary(own.backend_tokenizer.to_str(), self._ends(own))
        length = self._context_length(own)
        return Tokenizer(self._libraries, own, vocabulary, name=self._name, context_length=length)

    def _context_length(self, own: Any) -> int:
        told = [
            getattr(self._config, "max_position_embeddings", None),
            own.model_max_length,
            self._folder.embedder and self._folder.embedder.longest,
        ]
        return min([int(n) for n in told if n and n > 0] + [DEFAULT_CONTEXT_LENGTH])

    def _ends(self, own: Any) -> frozenset[int]:
        told = self._model.generation_config.eos_token_id
        ends = cast("list[int]", told if isinstance(told, list) else [told])
        known = frozenset(one for one in [*ends, own.eos_token_id] if one is not None)
        if not known:
            raise ModelFileError(
                f"{self._folder.path} names no token that ends an answer; "
                "write its eos_token_id into generation_config.json."
            )
        return known


def _or(told: float | None, default: float) -> Any:
    return default if told is None else told
