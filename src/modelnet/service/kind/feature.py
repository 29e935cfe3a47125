"""Features of a text: hashed words, pairs of words, pieces of three and four letters, and shape.

The fit and the run-time classifier share this module, so that they can never disagree.
"""

import re
from itertools import pairwise
from zlib import crc32

BUCKETS = 1 << 14
"""Features are hashed into this many places."""

_HEAD_CHARACTERS = 96
_TAIL_CHARACTERS = 32
_DIGITS = str.maketrans("123456789", "000000000")
_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")


def buckets(text: str) -> set[int]:
    """Return the places of a text's features, of which there are at least two.

    Only the beginning and the end of a long text are read, so the work is bounded.
    """
    size = len(text)
    if size > _HEAD_CHARACTERS + _TAIL_CHARACTERS:
        text = f"{text[:_HEAD_CHARACTERS]}\n{text[-_TAIL_CHARACTERS:]}"
    # The value of a number says nothing of the kind of task, its length a little.
    plain = text.lower().translate(_DIGITS)
    words = _WORD.findall(plain)
    letters = f" {plain} ".encode(errors="replace")
    end = len(letters)
    found = {crc32(word.encode(errors="replace"), 1) for word in words}
    found.update(crc32(f"{a} {b}".encode(errors="replace"), 2) for a, b in pairwise(words))
    found.update([crc32(letters[i : i + 3], 3) for i in range(end - 2)])
    found.update([crc32(letters[i : i + 4], 4) for i in range(end - 3)])
    found.update(_shape(size, words))
    return {hashed % BUCKETS for hashed in found}


def _shape(size: int, words: list[str]) -> tuple[int, int, int]:
    """Hash the length of the text and how many of its words are numbers and signs."""
    numbers = sum(word[0] == "0" for word in words)
    signs = sum(not word[0].isalnum() for word in words)
    parts = max(1, len(words))
    shape = (size.bit_length(), 4 * numbers // parts, 4 * signs // parts)
    length, number, sign = (crc32(bytes((place, n)), 5) for place, n in enumerate(shape))
    return length, number, sign
