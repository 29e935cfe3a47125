"""The wiring: the one place that knows every room and joins them into a node."""

import logging
import random
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from modelnet.application.settings import Settings
from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError, SettingsError
from modelnet.core.identity import NodeId
from modelnet.core.standing import Standing
from modelnet.core.wish import NO_WISH, Wish
from modelnet.interaction.coordinator import Coordinator
from modelnet.interaction.examiner import Examiner
from modelnet.interaction.forecaster import Forecaster
from modelnet.interaction.mover import Mover, Rules
from modelnet.interaction.prober import Prober
from modelnet.interaction.prover import Prover, Trying
from modelnet.interaction.reader import Reader
from modelnet.interaction.recall.nearness import Nearness
from modelnet.interaction.recall.prefetcher import Prefetcher
from modelnet.interaction.recall.recaller import Recaller
from modelnet.interaction.takeover import TakeOver
from modelnet.interaction.teacher import Teacher
from modelnet.interaction.transcript import transcript
from modelnet.ledger.memory import MemoryStore
from modelnet.ledger.sqlite import FILE as OUTCOMES_FILE
from modelnet.ledger.sqlite import SqliteStore
from modelnet.ledger.store import Store as OutcomeStore
from modelnet.resource.copy.fetch import Surroundings
from modelnet.resource.copy.giving import Giver
from modelnet.resource.copy.offload import Offload
from modelnet.resource.copy.shelf import Shelf
from modelnet.resource.copy.store import Store
from modelnet.resource.directory import DirectoryEvent, Offer, StandingAnnounced
from modelnet.resource.encoder import SharedEncoder, load_encoder
from modelnet.resource.host import Host
from modelnet.resource.message import encode
from modelnet.resource.model import Model
from modelnet.resource.remote import RemoteModel
from modelnet.resource.watcher import Watcher
from modelnet.service.cache.store import AnswerCache
from modelnet.service.cache.trial import Trials
from modelnet.service.change import Change
from modelnet.service.evidence import evidence_in
from modelnet.service.forecast import Forecast
from modelnet.service.hierarchy import Hierarchy
from modelnet.service.known import Known, bundled_centres
from modelnet.service.neighbourhood import Neighbourhood
from modelnet.service.routing import StandingRouter
from modelnet.service.standing import Beliefs
from modelnet.service.succession import Demand
from modelnet.transport.bulk.sender import BulkSender
from modelnet.transport.network import Network
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey

if TYPE_CHECKING:
    from modelnet.transport.link import LinkSecrets

ENCODER_FOLDER = "encoder"
"""Of the data directory."""

_log = logging.getLogger(__name__)


class Parts(NamedTuple):
    """A node, taken apart."""

    key: NodeKey
    network: Network
    host: Host
    watcher: Watcher
    reader: Reader
    coordinator: Coordinator
    teacher: Teacher
    recaller: Recaller | None
    """Where answers are told again."""
    prefetcher: Prefetcher | None
    store: OutcomeStore
    examiner: Examiner
    prober: Prober
    forecaster: Forecaster
    mover: Mover
    takeover: TakeOver
    sender: BulkSender

    @property
    def answering(self) -> Teacher | Recaller:
        """Who answers this node's own askers."""
        return self.recaller or self.teacher


class Recalling(NamedTuple):
    """Whether answers are told again, and for how long."""

    is_on: bool = False
    is_near: bool = False
    for_s: float = 3600.0
    wrong: float = 0.01
    is_ahead: bool = False
    """Whether what is likely to come is asked beforehand."""

    @classmethod
    def of(cls, settings: Settings) -> "Recalling":
        """Return what the settings say of it."""
        return cls(
            is_on=settings.cache != "off",
            is_near=settings.cache == "near",
            for_s=settings.cache_s,
            wrong=settings.cache_wrong,
            is_ahead=settings.prefetch,
        )


class Copying(NamedTuple):
    """Where copies of models go, and what the owner allows."""

    data_dir: Path
    limit_bytes: int
    rules: Rules
    offload: Offload

    @classmethod
    def of(cls, settings: Settings, offload: Offload) -> "Copying":
        """Return what the settings say of copies."""
        rules = Rules(accepts=frozenset(settings.accept_models), takes_over=settings.take_over)
        return cls(settings.data_dir, int(settings.copies_gb * 1e9), rules, offload)


def wire(
    key: NodeKey,
    network: Network,
    clock: Clock,
    rng: random.Random,
    copying: Copying,
    store: OutcomeStore,
    *,
    keeps_embeddings: bool = False,
    wish: Wish = NO_WISH,
    trying: Trying | None = None,
    recalling: Recalling = Recalling(),  # noqa: B008  an immutable value
) -> Parts:
    """Join the rooms around a network that is not yet entered. Does no I/O."""
    host = Host(clock)

    def doubt(change: Change) -> None:
        router.doubt(change)
        examiner.doubt(change)

    beliefs = Beliefs(key.node, tell=doubt)
    demand = Demand()

    def hear(event: DirectoryEvent) -> None:
        if copying.rules.takes_over:
            demand.hear(event, clock())
        for standing in evidence_in(watcher.directory, event):
            beliefs.record(standing, clock())

    watcher = Watcher(key.node, clock, hear)

    def model_of(offer: Offer) -> Model:
        if offer.is_local:
            return host.get(offer.card.name)
        return RemoteModel(network, offer.node, offer.card)

    async def tell(standings: tuple[Standing, ...]) -> None:
        watcher.tell(StandingAnnounced(key.node, standings))
        for entry in transcript(standings):
            store.add(entry)
        await network.announce("standing", encode(standings))

    network.serve(host.handle)
    forecast = Forecast()
    witnesses = (Known(), Hierarchy(bundled_centres), Neighbourhood())
    router = StandingRouter(beliefs, witnesses, forecast)
    reader = Reader(clock)
    coordinator = Coordinator(watcher, router, model_of, clock, rng, reader, wish, Prover(trying))
    teacher = Teacher(
        coordinator,
        router,
        store,
        clock,
        rng,
        keeps_embeddings=keeps_embeddings,
    )
    recaller = _recaller(recalling, teacher, coordinator, clock, rng)
    prefetcher = None
    if recaller is not None and recalling.is_ahead:
        prefetcher = Prefetcher(recaller, watcher.wait, clock)
    examiner = Examiner(key.node, watcher, model_of, tell, clock)
    prober = Prober(model_of, clock)
    sender = BulkSender(lambda: network.listen, clock)
    mover = _mover(network, watcher, host, sender, clock, copying)
    host.hand_on(mover)
    takeover = TakeOver(mover, watcher, demand, clock)
    return Parts(
        key=key,
        network=network,
        host=host,
        watcher=watcher,
        reader=reader,
        coordinator=coordinator,
        teacher=teacher,
        recaller=recaller,
        prefetcher=prefetcher,
        store=store,
        examiner=examiner,
        prober=prober,
        forecaster=Forecaster(forecast, clock, copying.offload),
        mover=mover,
        takeover=takeover,
        sender=sender,
    )


def _recaller(
    recalling: Recalling,
    teacher: Teacher,
    coordinator: Coordinator,
    clock: Clock,
    rng: random.Random,
) -> Recaller | None:
    if not recalling.is_on:
        return None
    cache = AnswerCache(for_s=recalling.for_s)
    nearness = None
    if recalling.is_near:
        nearness = Nearness(coordinator, cache, Trials(recalling.wrong), clock, rng)
    return Recaller(teacher, cache, nearness, clock)


def _mover(
    network: Network,
    watcher: Watcher,
    host: Host,
    sender: BulkSender,
    clock: Clock,
    copying: Copying,
) -> Mover:
    def holders(digest: str) -> tuple[NodeId, ...]:
        return watcher.directory.holders(digest)

    around = Surroundings(network, holders, watcher.wait, clock, copying.offload)
    store = Store(copying.data_dir / "copies", copying.limit_bytes)
    shelf = Shelf(copying.data_dir / "hashed")
    giver = Giver(shelf, sender, copying.offload)
    return Mover(around, watcher, host, store, shelf, giver, copying.rules)


def open_store(settings: Settings, *, is_at_home: bool) -> OutcomeStore:
    """Return where outcomes are kept; a node that is only a guest in its directory writes none."""
    if not (is_at_home and settings.keep_outcomes):
        return MemoryStore()
    return SqliteStore(settings.data_dir / OUTCOMES_FILE)


def open_encoder(data_dir: Path, clock: Clock) -> SharedEncoder | None:
    """Return the sentence encoder, if it is installed; blocks for up to a second.

    One that is broken is told of in the log: routing goes on without.
    """
    try:
        return SharedEncoder(load_encoder(data_dir / ENCODER_FOLDER), clock=clock)
    except SettingsError:
        return None
    except (ModelnetError, ImportError, OSError) as error:
        # A library that does not load here is as good as none, too.
        _log.warning("Routing goes on without the sentence encoder: %s", error)
        return None


def open_network(settings: Settings, key: NodeKey, clock: Clock) -> Network:
    """Return the real network that the settings describe, not yet entered.

    Raises:
        SettingsError: the invitation is not one, or is for another network.
    """
    from modelnet.transport.zenoh import ZenohNetwork, ZenohSettings

    return ZenohNetwork(
        ZenohSettings(
            network=settings.network,
            mode=_mode(settings),
            listen=settings.listen,
            join=settings.join,
            multicast=settings.multicast,
            secrets=_link_secrets(settings, key, clock),
        ),
        Envelope(key, clock),
        clock,
    )


def _mode(settings: Settings) -> Literal["peer", "client", "router"]:
    if settings.gateway:
        return "router"
    return "client" if settings.client else "peer"


def _link_secrets(settings: Settings, key: NodeKey, clock: Clock) -> "LinkSecrets | None":
    if not settings.invitation:
        return None
    from modelnet.transport.link import LinkSecrets
    from modelnet.trust.invitation import Invitation, issue

    invitation = Invitation.parse(settings.invitation)
    if invitation.network != settings.network:
        raise SettingsError(
            f"The invitation is for the network {invitation.network!r}, not "
            f"{settings.network!r}; start with --network {invitation.network}."
        )
    issued = issue(invitation, key.node, now=clock())
    return LinkSecrets(
        ca_pem=issued.ca_pem,
        certificate_pem=issued.certificate_pem,
        private_key_pem=issued.private_key_pem,
    )
