"""Images inside requests."""

import pytest

from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import ImagePart, ImageUrl
from modelnet.resource.backend.image import InlineImage, inline_image


def part(url: str) -> ImagePart:
    return ImagePart(ImageUrl(url))


def test_a_data_url_is_taken_apart():
    found = inline_image(part("data:image/svg+xml;base64,aGk="))
    assert found == InlineImage("image/svg+xml", "aGk=")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.invalid/a.png",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "data:text/html;base64,aGk=",
        "data:image/png,aGk=",
        "",
    ],
)
def test_nothing_is_fetched(url):
    with pytest.raises(UnsupportedError):
        inline_image(part(url))


@pytest.mark.parametrize("data", ["a", "a b", "aGk=\n", "\u00e4\u00f6"])
def test_what_is_no_base64_is_refused(data):
    with pytest.raises(InvalidRequestError):
        inline_image(part(f"data:image/png;base64,{data}"))
