"""llama.cpp in this process: one loaded model, asked from threads.

Completions go through the in-process entry of xllamacpp: 0.9 ms less than its HTTP server for a
short answer. The server is still there, on loopback behind a random key, because only it renders
the chat template of a model.
"""

import http.client
import secrets
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from modelnet.core.error import EngineError, ModelFileError
from modelnet.resource.backend.embedded.answer import Failed, error_of

OnEvent = Callable[[bytes], bool]
"""Takes one event of a completion; returning True stops the work."""

_RENDER_TIMEOUT_S = 10.0


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How llama.cpp runs a model."""

    context_length: int
    """Tokens of one request, prompt and answer together."""
    parallel: int
    threads: int
    is_embedder: bool = False


class Engine:
    """A loaded model. Every method blocks; all but `close` may be called from many threads."""

    def __init__(self, path: Path, settings: EngineSettings) -> None:
        """Load a model.

        Raises:
            ModelFileError: llama.cpp cannot load it.
        """
        self._path = path
        self._key = secrets.token_urlsafe(32)
        self._server = _start_server(path, settings, self._key)
        self._address = urlsplit(str(self._server.listening_address)).netloc
        self._idle: deque[http.client.HTTPConnection] = deque()
        # llama.cpp hangs for ever when it is closed before its loop runs; this waits for the loop.
        self._server.handle_metrics()

    def complete(self, body: bytes, on_event: OnEvent) -> None:
        """Run one completion (llama.cpp's JSON), handing each event to `on_event` as it comes.

        Raises:
            EngineError: llama.cpp failed; what it merely refuses comes as an event.
        """
        with self._failing():
            self._server.handle_completions(body, on_event)

    def embed(self, body: bytes) -> bytes:
        """Return llama.cpp's JSON answer to one request for embeddings.

        Raises:
            EngineError: llama.cpp failed.
        """
        with self._failing():
            return self._server.handle_embeddings(body)

    def render(self, messages: list[dict[str, str]]) -> str:
        """Return the prompt that the model's chat template makes of a conversation.

        Raises:
            InvalidRequestError: the template refuses the conversation.
            EngineError: llama.cpp failed.
        """
        body = msgspec.json.encode({"messages": messages})
        with self._failing():
            try:
                status, answer = self._post("/apply-template", body)
            except (http.client.HTTPException, OSError):
                # The server closes connections that were idle or used often; a fresh one is good.
                self._disconnect()
                status, answer = self._post("/apply-template", body)
        if status != http.client.OK:
            failure = msgspec.json.decode(answer, type=Failed).error
            raise error_of(self._path.stem, failure)
        return msgspec.json.decode(answer)["prompt"]

    @contextmanager
    def _failing(self) -> Generator[None, None, None]:
        """Turn what xllamacpp and its HTTP server raise into our errors."""
        try:
            yield
        except (RuntimeError, http.client.HTTPException, OSError) as error:
            raise EngineError(
                f"The engine of {self._path.stem} failed ({error}); ask again or another model."
            ) from error

    def close(self) -> None:
        """Unload the model, when no other method is under way."""
        self._disconnect()
        del self._server

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = http.client.HTTPConnection(self._address, timeout=_RENDER_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            answer = response.status, response.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def _disconnect(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


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
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    params.embedding = settings.is_embedder
    try:
        return library.Server(params)
    except RuntimeError as error:
        raise ModelFileError(
            f"llama.cpp cannot load {path}; it is corrupt or of a kind this version does not know."
        ) from error
