"""What a task may spend and has spent, and how long an answer the rest still pays for. Pure.

Only money counts that somebody charges: a free model costs nothing, whatever work it takes. Prices
are per token, so an answer is kept within a limit as `max_tokens` keeps it: cut where money ends.
"""

import math

import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.error import ModelnetError, OverloadedError, RequestError
from modelnet.core.request import Chat, Complete, Request
from modelnet.service.routing import Scored


class Purse:
    """The money of one task, for all who are asked on the way to its answer."""

    def __init__(self, limit_usd: float | None = None) -> None:
        """Hold so many dollars, or as many as it takes."""
        self.limit_usd = limit_usd
        self.spent_usd = 0.0

    @property
    def left_usd(self) -> float:
        """What may still be spent; infinity without a limit."""
        return math.inf if self.limit_usd is None else max(0.0, self.limit_usd - self.spent_usd)

    def spend(self, usd: float) -> None:
        """Count what an answer cost, whole or not."""
        self.spent_usd += usd


class Bill:
    """What one call comes to: by what its model said, and reads at most as far as that is known."""

    def __init__(self, scored: Scored, prompt_tokens: int, begun_tokens: int = 0) -> None:
        """Begin a call that reads a prompt, and the part of the answer that there is already."""
        self._card = scored.candidate.card
        self._expected_usd = scored.charge_usd
        self._begun = begun_tokens
        self._read = prompt_tokens + begun_tokens
        self._said = 0
        self._is_whole = False

    def affordable_tokens(self, usd: float) -> int | None:
        """Return how long an answer so much money pays for; `None`: as long as it likes."""
        price = self._card.price
        rest_usd = usd - max(0.0, price.input_per_mtok) * self._read / 1e6
        if rest_usd < 0.0:
            return 0
        if math.isinf(rest_usd) or price.output_per_mtok <= 0.0:
            return None
        # The limit as it was written has no exact binary form: a billionth of a token is none.
        return int(rest_usd * 1e6 / price.output_per_mtok + 1e-9)

    def note(self, tokens: int, chunk: Chunk) -> None:
        """Note a chunk, with which the whole answer has so many tokens; engines may tell of more.

        Thoughts that are not shown are charged, too.
        """
        self._said = max(self._said, tokens - self._begun)
        self._is_whole = chunk.finish is not None
        if chunk.usage is not None:
            self._said = max(self._said, chunk.usage.completion_tokens - self._begun)
            if chunk.usage.prompt_tokens > 0:
                self._read = chunk.usage.prompt_tokens + self._begun

    def total_usd(self, error: ModelnetError | None = None) -> float:
        """Return what is to be paid: nothing to who refused; to who was left alone, all of it."""
        if not self._said and isinstance(error, RequestError | OverloadedError):
            return 0.0
        price = self._card.price
        read = max(0.0, price.input_per_mtok) * self._read
        billed_usd = (read + max(0.0, price.output_per_mtok) * self._said) / 1e6
        is_left = error is None and not self._is_whole
        if is_left and not math.isinf(self._expected_usd):
            return max(billed_usd, self._expected_usd)
        return billed_usd


def shortened(request: Request, most_tokens: int | None) -> Request:
    """Return a request whose answer is no longer than the money lasts."""
    if most_tokens is None or not isinstance(request, Chat | Complete):
        return request
    asked = request.sampling.max_tokens
    if asked is not None and asked <= most_tokens:
        return request
    sampling = msgspec.structs.replace(request.sampling, max_tokens=most_tokens)
    return msgspec.structs.replace(request, sampling=sampling)
