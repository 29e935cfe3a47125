"""The real model behind a stand-in: a GGUF file, served by llama.cpp's own HTTP server."""

from collections.abc import AsyncGenerator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from modelnet.resource.backend.embedded.gguf import GgufHeader, read_header
from modelnet.resource.backend.http.stream import EventStream

PARALLEL = 2
"""Requests llama.cpp runs at once."""

MAX_CONTEXT_LENGTH = 4096


class Alternative(msgspec.Struct, frozen=True):
    """A token that could have been drawn, and its natural-log probability."""

    token: str
    logprob: float


class Token(Alternative, frozen=True):
    """A token that was drawn."""

    top_logprobs: list[Alternative] = []


class Piece(msgspec.Struct, frozen=True):
    """The next bit of a completion, as llama.cpp streams it; the last one is empty and `stop`s."""

    content: str = ""
    stop: bool = False
    stop_type: str = ""
    """`eos`, `limit` or `word`."""
    stopping_word: str = ""
    tokens_predicted: int = 0
    tokens_evaluated: int = 0
    completion_probabilities: list[Token] = []


class EngineRefusalError(Exception):
    """llama.cpp refused a request."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(body.decode("utf-8", "replace"))
        self.status = status
        self.is_too_long = b"exceed_context_size_error" in body


class Engine:
    """One model, asked over HTTP. Leaving a stream stops the work."""

    def __init__(self, path: Path) -> None:
        """Read what the file says of itself.

        Raises:
            ModelFileError: it is missing or no GGUF file.
        """
        self._path = path
        self.header: GgufHeader = read_header(path)
        told = self.header.context_length or MAX_CONTEXT_LENGTH
        self.context_length = min(told, MAX_CONTEXT_LENGTH)
        self._server: Any = None
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Load the model."""
        self._server = _start(self._path, self.context_length, is_embedder=self.header.is_embedder)
        self._session = aiohttp.ClientSession(
            str(self._server.listening_address),
            # llama.cpp closes connections that were used often, without a word before.
            connector=aiohttp.TCPConnector(force_close=True),
        )

    async def close(self) -> None:
        """Unload it."""
        if self._session is not None:
            await self._session.close()
        self._session = self._server = None

    @property
    def is_busy(self) -> bool:
        """Whether any answer is under way, by llama.cpp's own count."""
        return "llamacpp:requests_processing 0\n" not in self._server.handle_metrics()

    async def knows_tools(self) -> bool:
        """Whether the model's chat template knows tools."""
        async with self._loaded().get("/props") as response:
            told: Any = await response.json()
        return bool(told["chat_template_caps"].get("supports_tools"))

    async def render(self, messages: list[dict[str, Any]], tools: list[Any] | None = None) -> str:
        """Return the prompt that the model's chat template makes of a conversation.

        Raises:
            EngineRefusalError: the template refuses the conversation.
        """
        body: dict[str, Any] = {"messages": messages} | ({"tools": tools} if tools else {})
        return (await self._ask("/apply-template", body))["prompt"]

    async def embed(self, inputs: list[str]) -> tuple[list[list[float]], int]:
        """Return a vector an input, and how many tokens they were.

        Raises:
            EngineRefusalError: an input is too long.
        """
        told = await self._ask("/v1/embeddings", {"input": inputs})
        return [one["embedding"] for one in told["data"]], told["usage"]["prompt_tokens"]

    async def complete(self, prompt: str, options: dict[str, Any]) -> AsyncGenerator[Piece, None]:
        """Yield a completion; `options` are llama.cpp's.

        Raises:
            EngineRefusalError: llama.cpp refused, before anything was yielded.
        """
        body = {"prompt": prompt, "stream": True, **options}
        events = EventStream()
        async with self._loaded().post("/completion", json=body) as response:
            if response.status != HTTPStatus.OK:
                raise EngineRefusalError(response.status, await response.read())
            async for raw in response.content.iter_any():
                for data in events.feed(raw):
                    yield msgspec.json.decode(data, type=Piece)

    async def _ask(self, path: str, body: dict[str, Any]) -> Any:
        async with self._loaded().post(path, json=body) as response:
            if response.status != HTTPStatus.OK:
                raise EngineRefusalError(response.status, await response.read())
            return await response.json()

    def _loaded(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise EngineRefusalError(HTTPStatus.SERVICE_UNAVAILABLE, b"the model is not loaded")
        return self._session


def _start(path: Path, context_length: int, *, is_embedder: bool) -> Any:
    import xllamacpp

    library: Any = xllamacpp  # It ships without type information.
    params = library.CommonParams()
    params.model.path = str(path)
    params.verbosity = -1
    params.port = 0
    params.ui = False
    params.endpoint_metrics = True
    # llama.cpp pools wrong vectors where inputs of a causal model share a batch.
    params.n_parallel = 1 if is_embedder else PARALLEL
    params.n_ctx = params.n_parallel * context_length
    params.cpuparams.n_threads = 1
    params.embedding = is_embedder
    server = library.Server(params)
    server.handle_metrics()  # Its loop runs: closing it before then hangs.
    return server
