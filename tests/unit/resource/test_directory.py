"""The directory as a fold."""

from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.load import Load, ModelLoad
from modelnet.core.standing import Standing, Tally
from modelnet.resource.directory import (
    CardsAnnounced,
    Directory,
    LoadAnnounced,
    NodeJoined,
    NodeLeft,
    StandingAnnounced,
    apply,
)

ME, ALICE, BOB = NodeId("did:key:me"), NodeId("did:key:alice"), NodeId("did:key:bob")
CARD = ModelCard(name="calc", operations=("chat",), engine="scripted", parallel=2)


def fold(*events) -> Directory:
    directory = Directory(ME)
    for event in events:
        directory = apply(directory, event)
    return directory


def standing(examiner: NodeId, right: float) -> Standing:
    return Standing(
        examiner=examiner,
        node=ALICE,
        model="calc",
        skills={"arithmetic": Tally(right, 10)},
        latency_s=0.1,
        tokens_per_answer=3,
        measured_at=1.0,
    )


def test_a_node_is_known_from_joining_to_leaving():
    assert ALICE in fold(NodeJoined(ALICE, 1.0)).entries
    assert ALICE not in fold(NodeJoined(ALICE, 1.0), NodeLeft(ALICE)).entries


def test_leaving_without_having_joined_changes_nothing():
    assert fold(NodeLeft(ALICE)) == Directory(ME)


def test_announcements_before_the_join_are_dropped():
    assert fold(CardsAnnounced(ALICE, "alice", (CARD,))) == Directory(ME)


def test_offers_join_cards_load_and_name():
    load = ModelLoad(1, 0, 2)
    directory = fold(
        NodeJoined(ALICE, 5.0),
        CardsAnnounced(ALICE, "alice", (CARD,)),
        LoadAnnounced(ALICE, Load({"calc": load})),
    )
    (offer,) = directory.offers
    assert (offer.node_name, offer.since, offer.load) == ("alice", 5.0, load)
    assert not offer.is_local
    assert offer.key == (ALICE, "calc")


def test_an_idle_model_has_the_places_of_its_card():
    (offer,) = fold(NodeJoined(ME, 0), CardsAnnounced(ME, "", (CARD,))).offers
    assert offer.is_local
    assert offer.load == ModelLoad(0, 0, 2)


def test_a_node_that_comes_back_brings_nothing_from_before():
    directory = fold(
        NodeJoined(ALICE, 1.0),
        CardsAnnounced(ALICE, "alice", (CARD,)),
        NodeLeft(ALICE),
        NodeJoined(ALICE, 2.0),
    )
    assert directory.offers == ()
    assert directory.entries[ALICE].since == 2.0


def test_what_a_node_measured_of_itself_does_not_count_for_others():
    directory = fold(
        NodeJoined(ALICE, 1.0),
        NodeJoined(BOB, 1.0),
        CardsAnnounced(ALICE, "alice", (CARD,)),
        StandingAnnounced(ALICE, (standing(ALICE, 10),)),
        StandingAnnounced(BOB, (standing(BOB, 4),)),
    )
    (offer,) = directory.offers
    assert offer.skills == {"arithmetic": Tally(4, 10)}
    assert len(directory.standings) == 2


def test_measurements_of_several_examiners_pool():
    directory = fold(
        NodeJoined(ALICE, 1.0),
        NodeJoined(BOB, 1.0),
        NodeJoined(ME, 1.0),
        CardsAnnounced(ALICE, "alice", (CARD,)),
        StandingAnnounced(ME, (standing(ME, 9),)),
        StandingAnnounced(BOB, (standing(BOB, 4),)),
    )
    assert directory.offers[0].skills == {"arithmetic": Tally(13, 20)}


NODES = st.sampled_from([ME, ALICE, BOB])
EVENTS = st.one_of(
    st.builds(NodeJoined, NODES, st.floats(0, 10)),
    st.builds(NodeLeft, NODES),
    st.builds(CardsAnnounced, NODES, st.text(max_size=5), st.just((CARD,))),
    st.builds(LoadAnnounced, NODES, st.just(Load({"calc": ModelLoad(1, 1, 1)}))),
)


@given(st.lists(EVENTS, max_size=30))
def test_offers_come_only_from_nodes_that_are_here(events):
    directory = fold(*events)
    here: set[NodeId] = set()
    for event in events:
        if isinstance(event, NodeJoined):
            here.add(event.node)
        elif isinstance(event, NodeLeft):
            here.discard(event.node)
    assert set(directory.entries) == here
    assert {offer.node for offer in directory.offers} <= here
