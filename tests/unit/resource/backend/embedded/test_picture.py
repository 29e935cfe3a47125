"""The sizes that images claim, and who is believed."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import ImagePart, ImageUrl, Message, TextPart
from modelnet.resource.backend.embedded.picture import MOST_PIXELS, check_pictures, size_of
from tests.conformance.tiny_projector import RED, png, shown


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height)


def bmp(width: int, height: int) -> bytes:
    return b"BM" + bytes(12) + struct.pack("<Iii", 40, width, height)


def old_bmp(width: int, height: int) -> bytes:
    return b"BM" + bytes(12) + struct.pack("<IHH", 12, width, height)


def jpeg(width: int, height: int, before: bytes = b"", kind: int = 0xC0) -> bytes:
    frame = struct.pack(">HBHH", 17, 8, height, width)
    return b"\xff\xd8" + before + b"\xff" + bytes([kind]) + frame


def segment(kind: int, content: bytes) -> bytes:
    return b"\xff" + bytes([kind]) + struct.pack(">H", 2 + len(content)) + content


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + struct.pack(">II", width, height)


KINDS = [gif, bmp, old_bmp, jpeg, png_header]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_tells_its_size(kind):
    assert size_of(kind(640, 480)) == (640, 480)
    assert size_of(kind(1, 1)) == (1, 1)
    for width, height in ((0, 1), (1, 0), (1, 201), (201, 1)):
        with pytest.raises(InvalidRequestError, match="nearer to a square"):
            size_of(kind(width, height))
    whole = kind(640, 480)
    for length in range(len(whole)):
        with pytest.raises(InvalidRequestError):
            size_of(whole[:length])


def test_a_whole_png_tells_its_size():
    assert size_of(png(RED, 20, 30)) == (20, 30)


def test_rows_from_the_top_are_no_negative_height():
    assert size_of(bmp(8, -6)) == (8, 6)
    with pytest.raises(InvalidRequestError):
        size_of(bmp(-8, 6))


def test_the_size_of_a_photo_stands_behind_its_notes():
    thumbnail = jpeg(160, 120)
    notes = segment(0xE1, thumbnail) + b"\xff\xff\xff" + segment(0xDB, bytes(65))[1:] + b"padding"
    assert size_of(jpeg(4000, 3000, notes)) == (4000, 3000)
    assert size_of(jpeg(4000, 3000, notes, kind=0xC2)) == (4000, 3000)
    with pytest.raises(InvalidRequestError, match="does not tell its size"):
        size_of(b"\xff\xd8" + segment(0xE0, b"") * 2000 + jpeg(4, 3)[2:])


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF\x00\x00\x00\x00WEBPVP8 ", b"RIFF\x00\x00\x00\x00WAVEfmt ",
     b"\x00\x00\x00\x18ftypmp42", b"P6 9 9 255", b"8BPS", b"#?RADIANCE\n", b"<svg/>"],
)  # fmt: skip
def test_no_other_kind_is_read(data):
    with pytest.raises(InvalidRequestError, match="PNG, JPEG, GIF or BMP"):
        size_of(data)


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xff\xd8\xff", b"BM", b"GIF87a"]))
def test_garbage_is_refused_or_has_a_size(data, start):
    try:
        width, height = size_of(start + data)
    except InvalidRequestError:
        return
    assert width > 0
    assert height > 0


def message(*images: bytes) -> Message:
    return Message("user", (TextPart("look"), *map(shown, images)))


def test_all_images_of_a_request_count_together():
    half = png_header(MOST_PIXELS // 8192, 4096)
    check_pictures([message(half), Message("assistant", "yes"), message(half)])
    with pytest.raises(InvalidRequestError, match="make them smaller"):
        check_pictures([message(half, half), message(png_header(1, 1))])


def test_an_image_elsewhere_is_refused():
    part = ImagePart(ImageUrl("https://example.invalid/a.png"))
    with pytest.raises(UnsupportedError):
        check_pictures([Message("user", (part,))])
