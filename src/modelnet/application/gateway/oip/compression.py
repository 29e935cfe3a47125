"""Bodies packed with gzip or deflate: unpacked within a limit, packed for those who ask."""

import zlib
from collections.abc import Callable, Mapping
from functools import partial

import anyio.to_thread

from modelnet.application.gateway.failure import HttpError
from modelnet.core.error import InvalidRequestError

_WINDOWS = {"gzip": 31, "deflate": zlib.MAX_WBITS}
"""What zlib calls the two: HTTP's deflate is zlib's own format."""

_LEVEL = 1
"""Numbers hardly get smaller with more effort."""


async def unpacked(body: bytes, headers: Mapping[bytes, bytes], limit_bytes: int) -> bytes:
    """Return the body of a request as it was before it was packed.

    Raises:
        HttpError: it is packed in another way, or too large.
        InvalidRequestError: it is not packed as its header says.
    """
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in _WINDOWS:
        raise HttpError(
            415,
            f"A body packed with {encoding[:100]!r} cannot be read; use gzip, deflate or neither.",
            code="unknown_encoding",
        )
    return await _in_thread(partial(_unpack, body, _WINDOWS[encoding], limit_bytes))


async def packed(body: bytes, headers: Mapping[bytes, bytes]) -> tuple[bytes, str | None]:
    """Return the body of a response, and how it is packed where it is.

    It is for clients that name one way. A list of them is what HTTP libraries send unasked, and
    packing takes longer than most networks.
    """
    wanted = headers.get(b"accept-encoding", b"").decode("latin-1").strip().lower()
    if wanted not in _WINDOWS:
        return body, None
    return await _in_thread(partial(_pack, body, _WINDOWS[wanted])), wanted


async def _in_thread(work: Callable[[], bytes]) -> bytes:
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)


def _unpack(body: bytes, window: int, limit_bytes: int) -> bytes:
    reader = zlib.decompressobj(window)
    try:
        whole = reader.decompress(body, limit_bytes + 1)
    except zlib.error:
        raise _not_packed() from None
    if len(whole) > limit_bytes:
        raise HttpError(
            413, f"The body unpacks to more than {limit_bytes} bytes.", code="request_too_large"
        )
    if not reader.eof or reader.unused_data:
        raise _not_packed()
    return whole


def _pack(body: bytes, window: int) -> bytes:
    writer = zlib.compressobj(_LEVEL, zlib.DEFLATED, window)
    return writer.compress(body) + writer.flush()


def _not_packed() -> InvalidRequestError:
    return InvalidRequestError("The body is not packed as its header Content-Encoding says.")
