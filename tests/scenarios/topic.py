"""An encoder made up for tests: texts that share words point the same way. It has no thread."""

import zlib
from collections.abc import Sequence

import anyio
import numpy as np

from modelnet.core.error import EngineError
from modelnet.service.neighbourhood import SIZE


class WordEncoder:
    """Every word has a direction of its own, and a text is the sum of its words."""

    def __init__(self, *, takes_s: float = 0.0, fails: bool = False) -> None:
        self.encoded: list[str] = []
        self.is_closed = False
        self._takes_s = takes_s
        self._fails = fails

    async def encode(
        self,
        texts: Sequence[str],
        *,
        deadline: float,  # noqa: ARG002 - whoever asks holds it
    ) -> np.ndarray:
        self.encoded += texts
        await anyio.sleep(self._takes_s)
        if self._fails:
            raise EngineError("The engine failed.")
        return np.array([direction(text) for text in texts], np.float32)

    def close(self) -> None:
        self.is_closed = True


def direction(text: str) -> np.ndarray:
    total = sum(
        np.random.default_rng(zlib.crc32(word.encode())).standard_normal(SIZE)
        for word in text.split()
    )
    return total / np.linalg.norm(total)
