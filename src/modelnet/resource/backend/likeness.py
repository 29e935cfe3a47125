"""Whether two vectors are one but for rounding: engines compute the same input in many ways."""

import math

_SAME = 0.995
"""The cosine of two vectors of one input, computed coarsely in other company, is above it."""


def are_alike(one: bytes, another: bytes) -> bool:
    """Whether two float32 vectors of one size point the same way."""
    return len(one) == len(another) and _cosine(one, another) > _SAME


def _cosine(one: bytes, another: bytes) -> float:
    a, b = memoryview(one).cast("f").tolist(), memoryview(another).cast("f").tolist()
    length = math.hypot(*a) * math.hypot(*b)
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / length if length else 0.0
