"""Who is around: liveliness tokens come in, arrivals and departures of nodes go out.

Also looks again where the engine's view has holes: for peers whose link broke (`healing`), and for
nodes that are heard but whose token never came.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import anyio
import zenoh

from modelnet.core.clock import Clock
from modelnet.core.identity import NodeId
from modelnet.transport.guard import Guard
from modelnet.transport.station import Station
from modelnet.transport.zenoh import engine
from modelnet.transport.zenoh.bridge import Bridge
from modelnet.transport.zenoh.endpoint import Endpoint
from modelnet.transport.zenoh.healing import Healer
from modelnet.transport.zenoh.opening import Opened, introducing
from modelnet.transport.zenoh.presence import Presence, Tokens, read, show
from modelnet.transport.zenoh.settings import Keys, ZenohSettings

SEEK_AFTER_S = 1.0
"""How long a token may be later than the first frame of its node."""

SEEK_PERIOD_S = 5.0


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
        self._sought: set[NodeId] = set()
        self._bell = anyio.Event()
        self._token: zenoh.LivelinessToken | None = None
        self._subscription: zenoh.Subscriber[None] | None = None

    def enter(self) -> Callable[[], None]:
        """Look around and show this node; return what takes it back."""
        self._station.start_soon(self._bridge.run)
        self._look_around()
        self._station.start_soon(self._seek)
        if self._opened.listen:
            self._station.start_soon(self._healer.run)
        place = self._opened.listen[0] if self._opened.listen else None
        chunk = show(self._guard, self._clock, place)
        # Kept, for a token lives no longer than its object.
        token = self._token = self._opened.session.liveliness().declare_token(
            self._keys.token(chunk)
        )
        return lambda: engine.undeclare(token)

    def seek(self, node: NodeId) -> None:
        """Look again for a node that was heard and is not here."""
        self._sought.add(node)
        self._bell.set()

    async def _seek(self) -> None:
        while True:
            self._bell = anyio.Event()
            await self._bell.wait()
            await anyio.sleep(SEEK_AFTER_S)
            if any(node not in self._tokens for node in self._sought):
                self._look_around()
            self._sought.clear()
            await anyio.sleep(SEEK_PERIOD_S)

    def _look_around(self) -> None:
        # A new subscription asks every neighbour anew; the old one may have missed an answer.
        former = self._subscription
        self._subscription = self._opened.session.liveliness().declare_subscriber(
            self._keys.tokens, self._bridge, history=True
        )
        if former is not None:
            engine.undeclare(former)

    def _take(self, sample: zenoh.Sample) -> None:
        chunk = str(sample.key_expr).rsplit("/", 1)[-1]
        if sample.kind == zenoh.SampleKind.DELETE:
            self._vanish(chunk)
        elif not self._tokens.has_chunk(chunk):
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
