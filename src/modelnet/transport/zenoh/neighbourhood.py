"""Who is around: liveliness tokens come in, arrivals and departures of nodes go out.

Whoever leaves is looked for, in case it did not mean to (`healing`).
"""

from contextlib import AbstractAsyncContextManager

import zenoh

from modelnet.core.clock import Clock
from modelnet.transport.guard import Guard
from modelnet.transport.station import Station
from modelnet.transport.zenoh import engine
from modelnet.transport.zenoh.bridge import Bridge
from modelnet.transport.zenoh.endpoint import Endpoint
from modelnet.transport.zenoh.healing import Healer
from modelnet.transport.zenoh.opening import Opened, introducing
from modelnet.transport.zenoh.presence import Presence, Tokens, read, show
from modelnet.transport.zenoh.settings import Keys, ZenohSettings


class Neighbourhood:
    """Shows this node to the others, and tells the station who they are."""

    def __init__(
        self,
        settings: ZenohSettings,
        opened: Opened,
        guard: Guard,
        clock: Clock,
        station: Station,
    ) -> None:
        self._settings = settings
        self._opened = opened
        self._guard = guard
        self._clock = clock
        self._station = station
        self._keys = Keys(settings.network)
        self._tokens = Tokens()
        self._healer = Healer(self._introducing)
        self._bridge = Bridge(self._take)
        self._token: zenoh.LivelinessToken | None = None

    def enter(self) -> None:
        """Look around, then show this node."""
        self._station.start_soon(self._bridge.run)
        liveliness = self._opened.session.liveliness()
        liveliness.declare_subscriber(self._keys.tokens, self._bridge, history=True)
        place = self._opened.listen[0] if self._opened.listen else None
        chunk = show(self._guard, self._clock, place)
        # Kept, for a token lives no longer than its object.
        self._token = liveliness.declare_token(self._keys.token(chunk))
        if place is not None:
            self._station.start_soon(self._healer.run)

    def leave(self) -> None:
        """Say goodbye."""
        token, self._token = self._token, None
        if token is not None:
            engine.undeclare(token)

    def _take(self, sample: zenoh.Sample) -> None:
        chunk = str(sample.key_expr).rsplit("/", 1)[-1]
        if sample.kind == zenoh.SampleKind.DELETE:
            self._vanish(chunk)
        else:
            with self._station.doubting():
                self._appear(chunk, read(self._guard, chunk, self._settings.scheme))

    def _appear(self, chunk: str, presence: Presence) -> None:
        if presence.node != self._guard.node and self._tokens.appear(chunk, presence):
            self._healer.find(presence.node)
            self._station.arrive(presence.node, presence.incarnation)

    def _vanish(self, chunk: str) -> None:
        presence = self._tokens.vanish(chunk)
        if presence is None:
            return
        self._station.depart(presence.node, presence.incarnation)
        if presence.node not in self._tokens and presence.endpoint is not None:
            self._healer.lose(presence.node, presence.endpoint)

    def _introducing(self, endpoints: list[Endpoint]) -> AbstractAsyncContextManager[None]:
        return introducing(self._settings, [*self._opened.listen, *endpoints])
