"""The Encoder seam, and how much of a text one reads."""

from collections.abc import Sequence
from typing import Protocol

from modelnet.resource.backend.typed.array import Array

EMBEDDING_SIZE = 384
"""Numbers in an embedding."""

MAX_TOKENS = 80
"""Of a text, its beginning: what was measured of models' answers was filed by embeddings of so much
(a model's whole window gives others: on long prompts their cosine falls to .78)."""

MAX_CHARACTERS = 4096
"""What is looked at to find that many tokens, so that an endless text costs no more than a page."""


class Encoder(Protocol):
    """Turns texts into embeddings; texts alike in meaning have embeddings alike in direction."""

    def encode(self, texts: Sequence[str]) -> Array:
        """Return an embedding a text, float32 `(texts, EMBEDDING_SIZE)`, each of length 1.

        Any text will do. The embedding of a text does not depend on the others it comes with. This
        blocks, and may be called from many threads.

        Raises:
            EngineError: the engine failed.
        """
        ...


def beginning(text: str) -> str:
    """Return what is read of a text, as text that UTF-8 can carry."""
    return text[:MAX_CHARACTERS].encode(errors="replace").decode()
