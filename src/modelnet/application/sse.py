"""Server-sent events, taken apart: bytes in as they arrive, the data of whole events out."""

from modelnet.core.error import EngineError

LARGEST_EVENT_BYTES = 16 * 1024 * 1024


class EventReader:
    """Collects the `data:` lines of one stream. Comments and other fields are skipped."""

    def __init__(self, largest_event_bytes: int = LARGEST_EVENT_BYTES) -> None:
        self._largest_bytes = largest_event_bytes
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> list[bytes]:
        """Return the data of every event that is whole now.

        Raises:
            EngineError: an event grows beyond the limit.
        """
        *lines, self._rest = (self._rest + received).split(b"\n")
        events: list[bytes] = []
        for line in lines:
            events += self._take(line.removesuffix(b"\r"))
        if len(self._rest) + sum(map(len, self._data)) > self._largest_bytes:
            raise EngineError(
                f"The node sent an event of more than {self._largest_bytes} bytes; ask for a "
                "shorter answer."
            )
        return events

    def _take(self, line: bytes) -> list[bytes]:
        if line:
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            return []
        event, self._data = self._data, []
        return [b"\n".join(event)] if event else []
