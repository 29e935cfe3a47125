"""Who is around: liveliness tokens come in, arrivals and departures of nodes go out.

Also mends the engine's view where it has holes: looks for peers whose link broke (`healing`), and
shows this node again to those who missed its token.
"""

from contextlib import AbstractAsyncContextManager

import anyio
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

SHOW_PERIOD_S = 1.0
"""How often this node shows itself again at most, whoever asks for it."""


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
        self._bell = anyio.Event()
        self._chunk = ""
        self._showings = 0
        self._token: zenoh.LivelinessToken | None = None

    def enter(self) -> None:
        """Look around, then show this node."""
        place = self._opened.listen[0] if self._opened.listen else None
        self._chunk = show(self._guard, self._clock, place)
        self._station.start_soon(self._bridge.run)
        self._opened.session.liveliness().declare_subscriber(
            self._keys.tokens, self._bridge, history=True
        )
        self._show()
        self._station.start_soon(self._show_again)
        if self._opened.listen:
            self._station.start_soon(self._healer.run)

    def leave(self) -> None:
        """Say goodbye."""
        token, self._token = self._token, None
        if token is not None:
            engine.undeclare(token)

    def show(self) -> None:
        """Show this node again, soon."""
        self._bell.set()

    async def _show_again(self) -> None:
        while True:
            await self._bell.wait()
            self._bell = anyio.Event()
            self._show()
            await anyio.sleep(SHOW_PERIOD_S)

    def _show(self) -> None:
        # A new key reaches everybody; who saw the former one sees no change of presence.
        former, key = self._token, self._keys.token(self._chunk, self._showings)
        self._showings += 1
        # Kept, for a token lives no longer than its object.
        self._token = self._opened.session.liveliness().declare_token(key)
        if former is not None:
            engine.undeclare(former)

    def _take(self, sample: zenoh.Sample) -> None:
        key = str(sample.key_expr)
        if sample.kind == zenoh.SampleKind.DELETE:
            self._vanish(key)
        elif not self._tokens.has_key(key):
            with self._station.doubting():
                chunk = key.rsplit("/", 2)[1]
                self._appear(key, read(self._guard, chunk, self._settings.scheme))

    def _appear(self, key: str, presence: Presence) -> None:
        if presence.node != self._guard.node and self._tokens.appear(key, presence):
            self._healer.find(presence.node)
            self._station.arrive(presence.node, presence.incarnation)

    def _vanish(self, key: str) -> None:
        presence = self._tokens.vanish(key)
        if presence is None:
            return
        self._station.depart(presence.node, presence.incarnation)
        if presence.node not in self._tokens and presence.endpoint is not None:
            self._healer.lose(presence.node, presence.endpoint)

    def _introducing(self, endpoints: list[Endpoint]) -> AbstractAsyncContextManager[None]:
        return introducing(self._settings, [*self._opened.listen, *endpoints])
