"""Who keeps and who serves: all nodes agree without talking, and nobody who was not asked acts."""

import msgspec
import pytest

from modelnet.core.card import Artifact, ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.load import Load, ModelLoad
from modelnet.resource.directory import (
    CardsAnnounced,
    Directory,
    LoadAnnounced,
    NodeJoined,
    NodeLeft,
    apply,
)
from modelnet.service.succession import KEEP_TURN_S, WANTED_S, Demand, duties

ARTIFACT = Artifact(digest="ab" * 32, size_bytes=1, form="gguf")
CARD = ModelCard(
    name="m", operations=("chat",), engine="llama.cpp", licence="MIT", artifact=ARTIFACT
)
SERVER, *HEIRS = (NodeId(f"node{n}") for n in range(4))
COPY = frozenset({ARTIFACT.digest})


def directory(me: NodeId, *told: CardsAnnounced) -> Directory:
    seen = Directory(me)
    for event in told:
        seen = apply(apply(seen, NodeJoined(event.node, 0.0)), event)
    return seen


def server(node: NodeId = SERVER, card: ModelCard = CARD) -> CardsAnnounced:
    return CardsAnnounced(node, node, (card,))


def heir(node: NodeId, *, copies: frozenset[str] = frozenset(), takes_over: bool = True):
    return CardsAnnounced(node, node, (), copies, takes_over)


def waits(told: list[CardsAnnounced], copies, wanted=("m",)) -> dict[NodeId, tuple[str, float]]:
    """What each of the heirs finds due."""
    found = {node: duties(directory(node, *told), copies.get(node, {}), wanted) for node in HEIRS}
    return {node: (due[0].duty, due[0].wait_s) for node, due in found.items() if due}


def test_each_heir_knows_its_own_turn_to_keep_a_copy():
    told = [server(), *map(heir, HEIRS)]
    found = waits(told, {})
    assert {duty for duty, _ in found.values()} == {"keep"}
    assert sorted(wait_s for _, wait_s in found.values()) == [0.0, KEEP_TURN_S, 2 * KEEP_TURN_S]


@pytest.mark.parametrize(
    "told",
    [
        [server(), server(NodeId("other")), *map(heir, HEIRS)],
        [server(), heir(HEIRS[0], copies=COPY), *map(heir, HEIRS[1:])],
        [server(), *(heir(node, takes_over=False) for node in HEIRS)],
        [server(card=msgspec.structs.replace(CARD, licence=None)), *map(heir, HEIRS)],
        [server(card=msgspec.structs.replace(CARD, artifact=None)), *map(heir, HEIRS)],
        [
            server(
                card=msgspec.structs.replace(
                    CARD, artifact=msgspec.structs.replace(ARTIFACT, may_copy=False)
                )
            ),
            *map(heir, HEIRS),
        ],
    ],
    ids=["two serve it", "one keeps it", "none is willing", "licence", "no file", "owner's no"],
)
def test_nobody_keeps_what_is_safe_or_must_not_be_kept(told):
    copies = {HEIRS[0]: {ARTIFACT.digest: CARD}}
    assert not waits(told, copies)


def test_what_is_not_wanted_is_left_alone():
    assert not waits([server(), *map(heir, HEIRS)], {}, wanted=())
    copies = {node: {ARTIFACT.digest: CARD} for node in HEIRS}
    assert not waits([heir(node, copies=COPY) for node in HEIRS], copies, wanted=())


def test_each_heir_knows_its_own_turn_to_serve():
    told = [heir(node, copies=COPY) for node in HEIRS]
    found = waits(told, {node: {ARTIFACT.digest: CARD} for node in HEIRS})
    assert {duty for duty, _ in found.values()} == {"serve"}
    assert sorted(wait_s for _, wait_s in found.values()) == [0.0, 1.0, 2.0]


def test_what_somebody_serves_needs_no_other():
    copies = {node: {ARTIFACT.digest: CARD} for node in HEIRS}
    told = [server(), *(heir(node, copies=COPY) for node in HEIRS)]
    assert not waits(told, copies)
    # Another file under the name is as good: who asks for it is answered.
    other = msgspec.structs.replace(CARD, artifact=None)
    told = [server(card=other), *(heir(node, copies=COPY) for node in HEIRS)]
    assert not waits(told, copies)


def beacon(running: int = 0, waiting: int = 0, begun: int = 0) -> LoadAnnounced:
    return LoadAnnounced(SERVER, Load({"m": ModelLoad(running, waiting, 1, begun)}))


def test_a_model_at_work_is_wanted_and_forgotten_later():
    demand = Demand()
    assert not demand.wanted(0.0)
    demand.hear(beacon(running=1), 100.0)
    assert demand.wanted(100.0) == {"m"}
    assert demand.wanted(100.0 + WANTED_S - 1) == {"m"}
    assert not demand.wanted(100.0 + WANTED_S)


def test_an_answer_too_short_to_be_seen_counts():
    demand = Demand()
    demand.hear(beacon(begun=0), 0.0)
    assert not demand.wanted(0.0)
    demand.hear(beacon(begun=1), 1.0)
    assert demand.wanted(1.0) == {"m"}
    demand.hear(beacon(begun=1), 1.0 + WANTED_S)
    assert not demand.wanted(1.0 + WANTED_S)


def test_a_node_that_came_back_counts_anew():
    demand = Demand()
    demand.hear(beacon(begun=5), 0.0)
    demand.hear(NodeLeft(SERVER), 1.0)
    demand.hear(beacon(begun=1), WANTED_S + 1)
    assert demand.wanted(WANTED_S + 1) == {"m"}
