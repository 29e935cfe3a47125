"""The two ends of a streamed reply as pure state machines: no I/O, no clock.

`Outflow` (who answers) numbers the pieces, sums them up and obeys credit. `Inflow` (who asks)
checks that nothing is missing, repeated, added or changed. Credit counts cost, not pieces: a piece
costs its size, but at least `MIN_COST`, so neither many small nor a few large ones pile up.
"""

import hashlib
from collections import deque

from modelnet.core.error import MalformedError, PeerLostError, SignatureError
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.sealed import Opened
from modelnet.transport.frame import MAX_PIECE_BYTES, Credit, Data, Summary, decode_summary

MIN_COST = 16 * 1024
"""What the smallest piece costs: a window holds at most 256 of them."""

WINDOW = 4 * 1024 * 1024
"""The cost of pieces that may be on their way or waiting for a slow reader."""

DIGEST_HEAD_BYTES = 8


def cost_of(piece: bytes) -> int:
    """Return what sending a piece takes from the credit."""
    return max(len(piece), MIN_COST)


class Digest:
    """A running SHA-256 over pieces, each led by its length: moving a boundary changes it."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        """Take in the next piece."""
        self._hash.update(len(piece).to_bytes(DIGEST_HEAD_BYTES, "big"))
        self._hash.update(piece)

    def value(self) -> bytes:
        """Return the 32 bytes so far."""
        return self._hash.digest()


class Outflow:
    """The answering end. `push` pieces while `has_credit`; `take` what is to be sent."""

    def __init__(self, id: RequestId, credit: int) -> None:
        self._id = id
        self._credit = credit
        self._limit = credit
        self._cost = 0
        self._sent = 0
        self._unread: deque[tuple[int, int]] = deque()
        self._unread_bytes = 0
        self._digest = Digest()
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    @property
    def has_credit(self) -> bool:
        """Whether another piece may be pushed."""
        return self._cost < self._limit

    @property
    def pending_bytes(self) -> int:
        """The size of the pieces that `take` would return."""
        return self._pending_bytes

    @property
    def unread_bytes(self) -> int:
        """The size of the pieces of which no CREDIT has told that they were read."""
        return self._unread_bytes

    def grant(self, limit: int) -> None:
        """Note a CREDIT. Limits only grow: a late or repeated frame changes nothing."""
        self._limit = max(self._limit, limit)
        while self._unread and self._unread[0][0] <= self._limit - self._credit:
            self._unread_bytes -= self._unread.popleft()[1]

    def push(self, piece: bytes) -> None:
        """Add the next piece of the reply."""
        self._digest.add(piece)
        self._cost += cost_of(piece)
        self._unread.append((self._cost, len(piece)))
        self._unread_bytes += len(piece)
        self._pending.append(piece)
        self._pending_bytes += len(piece)

    def take(self) -> Data | None:
        """Return everything pushed since the last call as one frame, or None."""
        if not self._pending:
            return None
        frame = Data(self._id, self._sent, tuple(self._pending))
        self._sent += len(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        return frame

    def summary(self) -> Summary:
        """Return what the sealed END says of the pieces taken."""
        return Summary(self._sent, self._digest.value())


class Inflow:
    """The asking end. `data` and `end` take in what arrives, `pop` yields it in order."""

    def __init__(self, id: RequestId, peer: NodeId, window: int = WINDOW) -> None:
        self._id = id
        self._peer = peer
        self._window = window
        self._limit = window
        self._ready: deque[bytes] = deque()
        self._received = 0
        self._received_cost = 0
        self._read_cost = 0
        self._digest = Digest()
        self._is_ended = False

    def data(self, frame: Data) -> None:
        """Take in pieces.

        Raises:
            MalformedError: they repeat, come after the end, are too large, or exceed the credit.
            PeerLostError: pieces before them were lost on the way.
        """
        self._check_place(frame)
        for piece in frame.pieces:
            self._take(piece)

    def _check_place(self, frame: Data) -> None:
        if self._is_ended:
            raise MalformedError("The node sent more of its reply after the end of it.")
        self._check_count(frame.sequence)

    def _check_count(self, sent: int) -> None:
        lost = sent - self._received
        if lost > 0:
            raise PeerLostError(f"The network lost {lost} pieces of the reply: ask again.")
        if lost < 0:
            raise MalformedError(f"The node sent {-lost} pieces of its reply that do not belong.")

    def _take(self, piece: bytes) -> None:
        if len(piece) > MAX_PIECE_BYTES:
            raise MalformedError(f"The node sent a piece of {len(piece)} bytes: that is too large.")
        if self._received_cost >= self._limit:
            raise MalformedError("The node sent more of its reply than it was given credit for.")
        self._digest.add(piece)
        self._received += 1
        self._received_cost += cost_of(piece)
        self._ready.append(piece)

    def end(self, opened: Opened) -> None:
        """Take in an END whose seal was found good.

        Raises:
            SignatureError: another node sealed it, or for another request.
            MalformedError: it comes twice, or what it vouches for is not what came.
            PeerLostError: pieces before it were lost on the way.
        """
        self.check_origin(opened)
        if self._is_ended:
            raise MalformedError("The node ended its reply twice.")
        summary = decode_summary(opened.body)
        self._check_count(summary.count)
        if summary.digest != self._digest.value():
            raise MalformedError("The reply was changed on its way: ask again, or another node.")
        self._is_ended = True

    def check_origin(self, opened: Opened) -> None:
        """Check that END or ERROR is sealed by the node that was asked, for this request.

        Raises:
            SignatureError: it is not.
        """
        if opened.sender != self._peer or opened.id != self._id:
            raise SignatureError("A node that was not asked ended the reply: it is not believed.")

    def pop(self) -> bytes | None:
        """Return the next piece, or None when the next has not come."""
        if not self._ready:
            return None
        piece = self._ready.popleft()
        self._read_cost += cost_of(piece)
        return piece

    def credit(self) -> Credit | None:
        """Return the CREDIT that is due: one each time half a window has been read."""
        if self._is_ended or self._read_cost + self._window // 2 < self._limit:
            return None
        self._limit = self._read_cost + self._window
        return Credit(self._id, self._limit)
