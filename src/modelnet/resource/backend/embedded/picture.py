"""How large the images of a request would become: llama.cpp unpacks them into this process.

A file of a megabyte may claim to be gigabytes of pixels. So only kinds of files pass whose size is
read here first, where and as llama.cpp's own reader finds it.
"""

import base64
from collections.abc import Sequence

from modelnet.core.error import InvalidRequestError
from modelnet.core.request import ImagePart, Message
from modelnet.resource.backend.image import inline_image

MOST_PIXELS = 1 << 25
"""In all images of a request together: as many as a screen of 8K has, 100 MB when unpacked."""

MOST_STRETCHED = 200
"""How many times longer than wide: models cut longer ones into nothing."""

_MOST_SEGMENTS = 1000
"""In a JPEG before its size: cameras write a few dozen."""

_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
_START = b"\xff\xd8"
_OS2_HEADER = 12
"""Bytes of the older of the two headers of a BMP."""


def check_pictures(messages: Sequence[Message]) -> None:
    """Return if llama.cpp may unpack the images of a conversation.

    Raises:
        UnsupportedError: one is not in the request itself.
        InvalidRequestError: one is of no kind that is read, or they are too large.
    """
    pixels = 0
    for message in messages:
        parts = () if isinstance(message.content, str) else message.content
        for part in parts:
            if isinstance(part, ImagePart):
                width, height = size_of(base64.b64decode(inline_image(part).data))
                pixels += width * height
    if pixels > MOST_PIXELS:
        raise InvalidRequestError(
            f"The images have {pixels} pixels, more than the {MOST_PIXELS} that are read at once; "
            "make them smaller."
        )


def size_of(data: bytes) -> tuple[int, int]:
    """Return the width and the height of an image, in pixels, as its header claims them.

    Raises:
        InvalidRequestError: it is neither PNG, JPEG, GIF nor BMP, or has no shape to look at.
    """
    width, height = _claimed(data)
    if not 0 < max(width, height) <= MOST_STRETCHED * min(width, height):
        raise InvalidRequestError(
            f"An image is {width} pixels wide and {height} high; send one nearer to a square."
        )
    return width, height


def _claimed(data: bytes) -> tuple[int, int]:
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return _number(data, 16, 4, "big"), _number(data, 20, 4, "big")
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return _number(data, 6, 2), _number(data, 8, 2)
    if data[:2] == b"BM":
        return _bmp(data)
    if data[:2] == _START:
        return _jpeg(data)
    raise InvalidRequestError("Send images as PNG, JPEG, GIF or BMP files; no other kind is read.")


def _bmp(data: bytes) -> tuple[int, int]:
    if _number(data, 14, 4) == _OS2_HEADER:
        return _number(data, 18, 2), _number(data, 20, 2)
    # A negative height tells that the uppermost row comes first.
    width, height = (int.from_bytes(_taken(data, at, 4), "little", signed=True) for at in (18, 22))
    return width, abs(height)


def _jpeg(data: bytes) -> tuple[int, int]:
    """Walk from segment to segment up to the first that tells the size."""
    at = len(_START)
    for _ in range(_MOST_SEGMENTS):
        at = data.find(b"\xff", at)
        if at < 0:
            break
        kind = _number(data, at + 1, 1)
        if kind in _FRAMES:
            return _number(data, at + 7, 2, "big"), _number(data, at + 5, 2, "big")
        # Of several 0xFF in a row the last one begins the segment.
        at += 1 if kind == 0xFF else 2 + max(2, _number(data, at + 2, 2, "big"))
    raise InvalidRequestError("A JPEG does not tell its size; save the image again.")


def _number(data: bytes, at: int, size: int, order: str = "little") -> int:
    return int.from_bytes(_taken(data, at, size), "big" if order == "big" else "little")


def _taken(data: bytes, at: int, size: int) -> bytes:
    taken = data[at : at + size]
    if len(taken) != size:
        raise InvalidRequestError("An image is cut short; send the whole file.")
    return taken
