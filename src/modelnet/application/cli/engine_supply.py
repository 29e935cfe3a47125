"""Serving what the engines of this machine have, as engines and their models come and go."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple, Protocol

import anyio
from anyio.abc import TaskGroup, TaskStatus

from modelnet.core.card import ModelCard
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import ModelnetError, UnknownModelError
from modelnet.resource.detection import DetectedEngine
from modelnet.resource.model import Model
from modelnet.resource.specification import model_from

POLL_S = 4.0
"""How often engines are asked what they have."""

RETRY_S = 60.0
"""A model that could not be served is tried again after so long."""

FIRST_ROUND_S = 20.0
"""How long `modelnet up` waits for the models it found; one that loads longer is served later."""

Tell = Callable[[str], None]


class Shop(Protocol):
    """What offers models to the network: a node."""

    async def serve(self, specified: Model) -> ModelCard:
        """Start a model and offer it."""
        ...

    async def withdraw(self, name: str) -> None:
        """Offer it no longer."""
        ...


class Watch(Protocol):
    """What knows the engines of this machine."""

    async def look(self) -> list[DetectedEngine]:
        """Return those that are here now."""
        ...


class Goods(NamedTuple):
    """A model of an engine. A server that was given another model offers other goods."""

    specification: str
    model: str
    engine: DetectedEngine

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.specification, self.model


def goods_of(engines: Iterable[DetectedEngine]) -> dict[tuple[str, str], Goods]:
    """Return what all these have; of two models of one name the first found is taken."""
    by_name: dict[str, Goods] = {}
    for engine in engines:
        for model, specification in zip(engine.models, engine.specifications, strict=True):
            by_name.setdefault(model, Goods(specification, model, engine))
    return {goods.key: goods for goods in by_name.values()}


class EngineSupply:
    """Keeps a node stocked with the models of this machine's engines."""

    def __init__(
        self,
        watch: Watch,
        found: Iterable[DetectedEngine] = (),
        *,
        build: Callable[[str], Model] = model_from,
        clock: Clock = system_clock,
    ) -> None:
        """Begin with the engines already found; later ones are found by watching."""
        self._watch = watch
        self._found = tuple(found)
        self._build = build
        self._clock = clock
        self._served: dict[tuple[str, str], Model] = {}
        self._starting: set[tuple[str, str]] = set()
        self._retry_at: dict[tuple[str, str], float] = {}
        self._places: dict[str, anyio.CapacityLimiter] = {}
        self._settled = anyio.Event()
        self._is_stocked = False

    async def run(self, shop: Shop, tell: Tell, *, task_status: TaskStatus[None]) -> None:
        """Serve and withdraw until cancelled; started once the first models are served."""
        async with anyio.create_task_group() as group:
            await self._restock(group, shop, tell, goods_of(self._found))
            with anyio.move_on_after(FIRST_ROUND_S):
                while self._starting:
                    await self._settled.wait()
            self._is_stocked = True
            task_status.started()
            while True:
                await anyio.sleep(POLL_S)
                await self._restock(group, shop, tell, goods_of(await self._watch.look()))

    async def _restock(
        self, group: TaskGroup, shop: Shop, tell: Tell, wanted: dict[tuple[str, str], Goods]
    ) -> None:
        for key in [key for key in self._served if key not in wanted]:
            await self._withdraw(shop, tell, key)
        self._retry_at = {key: at for key, at in self._retry_at.items() if key in wanted}
        for key, goods in wanted.items():
            is_due = self._clock() >= self._retry_at.get(key, 0.0)
            if is_due and key not in self._served and key not in self._starting:
                self._starting.add(key)
                group.start_soon(self._serve, shop, tell, goods)

    async def _serve(self, shop: Shop, tell: Tell, goods: Goods) -> None:
        """Start one model; an engine that would have to load several is asked for one at a time."""
        place = self._places.setdefault(goods.engine.url, anyio.CapacityLimiter(1))
        try:
            async with place:
                await self._start(shop, tell, goods)
        finally:
            self._starting.discard(goods.key)
            self._settled.set()
            self._settled = anyio.Event()

    async def _start(self, shop: Shop, tell: Tell, goods: Goods) -> None:
        try:
            model = self._build(goods.specification)
            await _offer(shop, model)
        except ModelnetError as error:
            if goods.key not in self._retry_at:
                tell(f"{goods.model} of {goods.engine.engine} is not served: {error.message}")
            self._retry_at[goods.key] = self._clock() + RETRY_S
            return
        self._served[goods.key] = model
        self._retry_at.pop(goods.key, None)
        if self._is_stocked:
            tell(f"{goods.model} of {goods.engine.engine} is served now.")

    async def _withdraw(self, shop: Shop, tell: Tell, key: tuple[str, str]) -> None:
        model = self._served.pop(key)
        name = model.card.name
        with suppress(UnknownModelError):
            await shop.withdraw(name)
        # Its engine has it no more: what is still under way fails there, and goes on elsewhere.
        await model.stop()
        tell(f"{name} is gone from its engine: it is no longer served.")


async def _offer(shop: Shop, model: Model) -> None:
    """Have a model served; one that is not, for whatever reason, is released."""
    is_served = False
    try:
        await shop.serve(model)
        is_served = True
    finally:
        if not is_served:
            with anyio.CancelScope(shield=True):
                await model.stop()
