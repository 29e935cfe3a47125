"""The line between the process of the tests and that of the code: frames of JSON."""

import json
import os
from typing import Any, NamedTuple

MOST_BYTES = 4 << 20
_LENGTH_BYTES = 4


class GoneError(BaseException):
    """The other side has ended or makes no sense: no test can catch it and go on."""


class TooLargeError(Exception):
    """A value is too large to be handed over."""


class Line(NamedTuple):
    """Two pipes."""

    inward: int
    outward: int

    def send(self, message: Any) -> None:
        """Send a message.

        Raises:
            TooLargeError: it is longer than `MOST_BYTES`; nothing was sent.
            GoneError: nobody listens.
        """
        raw = json.dumps(message, separators=(",", ":")).encode()
        if len(raw) > MOST_BYTES:
            raise TooLargeError(f"more than {MOST_BYTES >> 20} MB in one value")
        left = memoryview(len(raw).to_bytes(_LENGTH_BYTES, "big") + raw)
        try:
            while left:
                left = left[os.write(self.outward, left) :]
        except OSError as error:
            raise GoneError from error

    def receive(self) -> Any:
        """Return the next message.

        Raises:
            GoneError: there is none, or it is not one.
        """
        size = int.from_bytes(self._read(_LENGTH_BYTES), "big")
        if size > MOST_BYTES:
            raise GoneError
        try:
            return json.loads(self._read(size))
        except (ValueError, RecursionError) as error:
            raise GoneError from error

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            try:
                part = os.read(self.inward, size)
            except OSError as error:
                raise GoneError from error
            if not part:
                raise GoneError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
