"""Cutting streamed bodies into messages: server-sent events, and lines of JSON. Pure."""

from modelnet.core.error import EngineError

MAX_LINE_BYTES = 1 << 22


class LineStream:
    """Cuts the bytes of a stream into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, raw: bytes) -> list[bytes]:
        """Return every line that is complete after `raw` arrived, empty ones left out.

        Raises:
            EngineError: a line never ends.
        """
        *lines, self._rest = (self._rest + raw).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise EngineError("The server sent a line without an end; ask another model.")
        return [line for line in map(bytes.strip, lines) if line]


class EventStream:
    """Cuts the bytes of a server-sent event stream into the data of its events."""

    def __init__(self) -> None:
        self._lines = LineStream()

    def feed(self, raw: bytes) -> list[bytes]:
        """Return the data of every event that is complete after `raw` arrived.

        Raises:
            EngineError: a line never ends.
        """
        lines = self._lines.feed(raw)
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]
