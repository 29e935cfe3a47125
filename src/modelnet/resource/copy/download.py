"""Which piece is asked of whom: a pure state machine, to which all I/O and every clock reports.

Each peer is asked for as many pieces in a row as it should send in about half a second. When
nothing is left to ask for, idle peers are asked for what a slow one has owed for too long; whoever
sends a piece first has sent it. Times are seconds of any clock that only goes forward.
"""

from collections.abc import Iterable

import msgspec

from modelnet.core.identity import NodeId

SPAN_S = 0.5
"""What a peer is asked for at once should take so long."""

FIRST_SPAN = 4
"""Pieces asked of a peer whose speed is not known yet."""

LARGEST_SPAN = 32

LATE_S = 1.0
"""Nobody is late before so long."""

LATE_FACTOR = 2.0
"""A peer is late when it takes so many times as long as its speed so far would have it."""

_MISSING, _ASKED, _HERE = b"\0\1\2"
_SMOOTHING = 0.5


class Span(msgspec.Struct, frozen=True):
    """Some pieces in a row."""

    first: int
    count: int

    @property
    def pieces(self) -> range:
        """Their numbers."""
        return range(self.first, self.first + self.count)


class _Peer:
    """What one peer was asked for, and how fast it was."""

    def __init__(self) -> None:
        self.span: Span | None = None
        self.since = 0.0
        self.pieces_per_s: float | None = None

    @property
    def wish(self) -> int:
        """How many pieces it should send in `SPAN_S`."""
        speed = self.pieces_per_s
        return FIRST_SPAN if speed is None else min(max(1, round(speed * SPAN_S)), LARGEST_SPAN)

    def is_late(self, now: float) -> bool:
        if self.span is None:
            return False
        due_s = self.span.count / self.pieces_per_s if self.pieces_per_s else 0.0
        return now - self.since > max(LATE_S, LATE_FACTOR * due_s)

    def learn(self, pieces: int, now: float) -> None:
        took_s = max(now - self.since, 1e-6)
        seen = pieces / took_s
        known = self.pieces_per_s
        self.pieces_per_s = seen if known is None else known + _SMOOTHING * (seen - known)


class Download:
    """The pieces of one file, and the peers that are asked for them."""

    def __init__(self, count: int, here: Iterable[int] = ()) -> None:
        self._state = bytearray(count)
        self._peers: dict[NodeId, _Peer] = {}
        self._left = count
        for index in here:
            self._take(index)

    @property
    def is_complete(self) -> bool:
        """Whether every piece is here."""
        return self._left == 0

    @property
    def here(self) -> int:
        """How many pieces are here."""
        return len(self._state) - self._left

    @property
    def peers(self) -> int:
        """How many peers are asked."""
        return len(self._peers)

    def join(self, peer: NodeId) -> None:
        """Begin to ask a peer."""
        self._peers.setdefault(peer, _Peer())

    def leave(self, peer: NodeId) -> None:
        """Give a peer up: others are asked for what it owes."""
        if (known := self._peers.pop(peer, None)) is not None:
            self._release(known.span)

    def ask(self, peer: NodeId, now: float) -> Span | None:
        """Return what to ask a peer for now; nothing when it can only wait."""
        known = self._peers[peer]
        span = self._missing(known) or self._owed_late(peer, now)
        if span is not None:
            known.span, known.since = span, now
            for index in span.pieces:
                if self._state[index] == _MISSING:
                    self._state[index] = _ASKED
        return span

    def land(self, peer: NodeId, pieces: Iterable[int], now: float) -> None:
        """Note which of the pieces a peer was asked for came; it owes nothing any more."""
        landed = list(pieces)
        for index in landed:
            self._take(index)
        if (known := self._peers.get(peer)) is not None:
            span, known.span = known.span, None
            known.learn(len(landed), now)
            self._release(span)

    def _take(self, index: int) -> None:
        if self._state[index] != _HERE:
            self._state[index] = _HERE
            self._left -= 1

    def _release(self, span: Span | None) -> None:
        for index in span.pieces if span else ():
            if self._state[index] == _ASKED and not self._is_asked(index):
                self._state[index] = _MISSING

    def _is_asked(self, index: int, besides: NodeId | None = None) -> bool:
        """Whether any peer, or any besides one, is asked for a piece."""
        return any(
            name != besides and peer.span is not None and index in peer.span.pieces
            for name, peer in self._peers.items()
        )

    def _missing(self, peer: _Peer) -> Span | None:
        """Return what nobody is asked for; less towards the end, so that all end together."""
        fair = -(-self._state.count(_MISSING) // len(self._peers))
        first = self._state.find(_MISSING)
        return None if first < 0 else self._run(first, _MISSING, min(peer.wish, fair))

    def _owed_late(self, asker: NodeId, now: float) -> Span | None:
        """Return what a late peer owes and only it was asked for."""
        wish = self._peers[asker].wish
        for name, late in self._peers.items():
            if name == asker or late.span is None or not late.is_late(now):
                continue
            for index in late.span.pieces:
                if self._state[index] == _ASKED and not self._is_asked(index, besides=name):
                    end = late.span.first + late.span.count
                    return self._run(index, _ASKED, min(wish, end - index))
        return None

    def _run(self, first: int, state: int, most: int) -> Span:
        """Return the pieces in a row from the first on that are in one state."""
        end = min(first + most, len(self._state))
        other = (index for index in range(first, end) if self._state[index] != state)
        return Span(first, next(other, end) - first)
