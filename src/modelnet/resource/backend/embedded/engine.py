"""llama.cpp in this process: one loaded model.

What streams goes through the in-process entries of xllamacpp, from threads; everything else through
its HTTP server, on loopback behind a random key.
"""

import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from modelnet.core.error import EngineError, InvalidRequestError, ModelFileError

OnEvent = Callable[[bytes], bool]
"""Takes one event of an answer; returning True stops the work."""


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How llama.cpp runs a model."""

    context_length: int
    """Tokens of one request, prompt and answer together."""
    parallel: int
    threads: int
    batch: int
    """Tokens read at once: an input that is embedded or encoded must fit."""
    is_embedder: bool = False
    projector: str | None = None
    """The path of the file with which it sees images."""


class Engine:
    """A loaded model. `complete` and `chat` block, and may be called from many threads."""

    def __init__(self, path: Path, settings: EngineSettings) -> None:
        """Load a model.

        Raises:
            ModelFileError: llama.cpp cannot load it.
        """
        self._path = path
        self.key = secrets.token_urlsafe(32)
        """What its HTTP server wants to be told."""
        self._server = _start_server(path, settings, self.key)
        self.root = str(self._server.listening_address)
        """Where its HTTP server is, like `http://127.0.0.1:4321`."""
        # llama.cpp hangs for ever when it is closed before its loop runs; this waits for the loop.
        self._server.handle_metrics()

    def complete(self, body: bytes, on_event: OnEvent) -> None:
        """Run one completion (llama.cpp's JSON), handing each event to `on_event` as it comes.

        Raises:
            EngineError: llama.cpp failed; what it merely refuses comes as an event.
        """
        with self._failing():
            self._server.handle_completions(body, on_event)

    def chat(self, body: bytes, on_event: OnEvent) -> None:
        """Answer one conversation (OpenAI's JSON), handing each event to `on_event` as it comes.

        Raises:
            EngineError: llama.cpp failed; what it merely refuses comes as an event.
            InvalidRequestError: it cannot read the parameters of a tool.
        """
        with self._failing():
            self._server.handle_chat_completions(body, on_event)

    @contextmanager
    def _failing(self) -> Generator[None, None, None]:
        """Turn what xllamacpp raises into our errors."""
        try:
            yield
        except RuntimeError as error:
            raise EngineError(
                f"The engine of {self._path.stem} failed ({error}); ask again or another model."
            ) from error
        except ValueError as error:
            raise InvalidRequestError(
                "llama.cpp cannot read the parameters of a tool; make their schema simpler."
            ) from error

    def close(self) -> None:
        """Unload the model, when no other method is under way."""
        del self._server


def _start_server(path: Path, settings: EngineSettings, key: str) -> Any:
    import xllamacpp

    library: Any = xllamacpp  # It ships without type information.
    params = library.CommonParams()
    params.model.path = str(path)
    params.verbosity = -1
    params.port = 0
    params.api_keys = [key]
    params.ui = False
    params.endpoint_metrics = True
    params.warmup = False
    params.fit_params = False
    params.cache_ram_mib = 0
    params.n_parallel = settings.parallel
    params.n_ctx = settings.context_length * settings.parallel
    params.n_batch = settings.batch if settings.is_embedder else max(params.n_batch, settings.batch)
    params.n_ubatch = settings.batch
    # Else inputs of different length share a batch in equal shares, and of the longer one only what
    # is left of it is pooled. An input must fit one batch, which llama.cpp then never divides.
    params.kv_unified = settings.is_embedder
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    # Costs nothing where no hidden states are asked for: measured in docs/adr/0009.
    params.embedding = True
    if not settings.is_embedder:
        params.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_NONE
    if settings.projector is not None:
        params.mmproj.path = settings.projector
    try:
        return library.Server(params)
    except RuntimeError as error:
        raise _unloadable(path, settings.projector) from error


def _unloadable(path: Path, projector: str | None) -> ModelFileError:
    if projector is not None:
        return ModelFileError(
            f"llama.cpp cannot load {path} with {projector}; one is corrupt, of a kind this "
            "version does not know, or not made for the other."
        )
    return ModelFileError(
        f"llama.cpp cannot load {path}; it is corrupt or of a kind this version does not know."
    )
