"""How far an answer has come, so that another model can go on exactly there. Pure."""

import copy

import msgspec

from modelnet.core.chunk import Chunk, Usage
from modelnet.core.request import Chat, Complete, Partial, Request


class Progress:
    """Follows the chunks of one answer across the models that give it.

    Tokens are counted as the chunks say; only the usage after a takeover and the rest of
    `max_tokens` rely on it.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._tokens = 0
        self._tokens_before = 0
        self._is_finished = False
        self._is_bound = False

    def fork(self) -> "Progress":
        """Return a copy that goes its own way: for calls side by side, of which one will count."""
        fork = copy.copy(self)
        fork._text = self._text.copy()  # noqa: SLF001 - its own kind
        fork._reasoning = self._reasoning.copy()  # noqa: SLF001
        return fork

    @property
    def is_finished(self) -> bool:
        """Whether the last chunk was taken."""
        return self._is_finished

    @property
    def tokens(self) -> int:
        """Tokens answered so far, by all models together."""
        return self._tokens

    @property
    def is_begun(self) -> bool:
        """Whether the asker has seen anything of the answer."""
        return bool(self._text or self._reasoning)

    @property
    def can_go_on_elsewhere(self) -> bool:
        """Whether another model can go on: not with tool calls or numbers the asker has seen."""
        return not self._is_bound

    @property
    def is_exhausted(self) -> bool:
        """Whether `max_tokens` is used up: the answer is whole although no model ended it."""
        limit = self._max_tokens
        return limit is not None and self._tokens >= limit

    @property
    def _max_tokens(self) -> int | None:
        request = self._request
        return request.sampling.max_tokens if isinstance(request, Chat | Complete) else None

    def take(self, chunk: Chunk) -> Chunk:
        """Note a chunk and return it as the asker should see it: with the usage of the whole."""
        if chunk.text:
            self._text.append(chunk.text)
        if chunk.reasoning:
            self._reasoning.append(chunk.reasoning)
        # A peer may claim any number, but no token is shorter than a byte.
        size_bytes = len((chunk.text + chunk.reasoning).encode(errors="replace"))
        self._tokens += min(max(0, chunk.n_tokens), size_bytes)
        self._is_bound |= bool(chunk.tool_calls or chunk.vectors or chunk.tensors)
        self._is_finished = chunk.finish is not None
        if chunk.usage is None or not self._tokens_before:
            return chunk
        return msgspec.structs.replace(chunk, usage=self._whole_usage(chunk.usage))

    def ending(self) -> Chunk:
        """Return the last chunk of an answer whose `max_tokens` ran out as its model died."""
        self._is_finished = True
        return Chunk(finish="length", usage=Usage(0, self._tokens))

    def _whole_usage(self, last: Usage) -> Usage:
        # Engines count the part they continue as prompt; those that do not report less than it.
        has_part = last.prompt_tokens > self._tokens_before
        return Usage(
            last.prompt_tokens - (self._tokens_before if has_part else 0),
            last.completion_tokens + self._tokens_before,
        )

    def rest(self) -> Request:
        """Return the request for what is still to be answered; the next model starts from it."""
        self._tokens_before = self._tokens
        request = self._request
        if not isinstance(request, Chat | Complete) or not self.is_begun:
            return request
        begun = request.partial
        partial = Partial(
            begun.text + "".join(self._text), begun.reasoning + "".join(self._reasoning)
        )
        sampling = request.sampling
        if sampling.max_tokens is not None:
            left = max(1, sampling.max_tokens - self._tokens)
            sampling = msgspec.structs.replace(sampling, max_tokens=left)
        return msgspec.structs.replace(request, partial=partial, sampling=sampling)
