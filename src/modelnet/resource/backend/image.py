"""Images that travel inside a request, as `data:` URLs."""

import base64
import re
from typing import NamedTuple

from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import ImagePart

_DATA_URL = re.compile(r"data:(?P<media_type>image/[a-z0-9.+-]+);base64,(?P<data>.*)", re.DOTALL)


class InlineImage(NamedTuple):
    """An image and its media type, like `image/png`."""

    media_type: str
    data: str
    """In base64."""


def inline_image(part: ImagePart) -> InlineImage:
    """Return the image of a part.

    Raises:
        UnsupportedError: it is elsewhere; engines are not sent out to fetch what a stranger names.
        InvalidRequestError: it is no base64.
    """
    found = _DATA_URL.fullmatch(part.image_url.url)
    if found is None:
        raise UnsupportedError("Send images inside the request, as data:image/...;base64 URLs.")
    try:
        base64.b64decode(found["data"], validate=True)
    except ValueError as error:
        raise InvalidRequestError("The image is no base64; encode it again.") from error
    return InlineImage(found["media_type"], found["data"])
