"""Which model and which node are meant."""

import pytest

from modelnet.core.card import Artifact, ModelCard
from modelnet.core.error import InvalidRequestError, NoModelError, UnknownModelError
from modelnet.core.identity import NodeId
from modelnet.interaction.wanted import Wanted, node_named, offer_named
from modelnet.resource.directory import CardsAnnounced, Directory, NodeJoined, apply

ALICE, BOB, OTHER_BOB = (
    NodeId(f"did:key:z6Mk{name}") for name in ("alice001", "bob00002", "bob00003")
)
ARTIFACT = Artifact(digest="ab" * 32, size_bytes=1, form="gguf")


def card(artifact: Artifact | None = None) -> ModelCard:
    return ModelCard(name="m", operations=("chat",), engine="llama.cpp", artifact=artifact)


@pytest.fixture
def directory() -> Directory:
    seen = Directory(ALICE)
    for node, name, cards in (
        (ALICE, "alice", (card(),)),
        (BOB, "bob", (card(ARTIFACT),)),
        (OTHER_BOB, "bob", ()),
    ):
        seen = apply(apply(seen, NodeJoined(node, 0.0)), CardsAnnounced(node, name, cards))
    return seen


@pytest.mark.parametrize("name", [ALICE, "alice001", "alice"])
def test_a_node_is_named_by_id_its_end_or_name(directory, name):
    assert node_named(directory, name).node == ALICE


def test_a_name_of_two_nodes_names_none(directory):
    with pytest.raises(InvalidRequestError, match="by its id"):
        node_named(directory, "bob")
    assert node_named(directory, "bob00003").node == OTHER_BOB
    with pytest.raises(UnknownModelError, match="modelnet nodes"):
        node_named(directory, "carol")


def test_of_several_the_one_with_a_file_is_meant(directory):
    assert offer_named(directory, "m").node == BOB
    assert offer_named(directory, "m", ALICE).node == ALICE
    assert offer_named(directory, "m@alice").node == ALICE


def test_what_nobody_serves_is_named(directory):
    with pytest.raises(UnknownModelError):
        offer_named(directory, "other")
    with pytest.raises(UnknownModelError):
        offer_named(directory, "m", OTHER_BOB)
    with pytest.raises(NoModelError):
        offer_named(Directory(ALICE), "m")


@pytest.mark.parametrize("name", ["auto", "auto:cheap", "auto@bob"])
def test_the_network_s_choice_is_no_model(directory, name):
    with pytest.raises(InvalidRequestError, match="auto"):
        offer_named(directory, name)


def test_serving_and_keeping_are_two_things():
    one = Wanted(card=card(ARTIFACT), cause="pull")
    two = Wanted(card=card(ARTIFACT), cause="pull", is_to_be_served=False)
    assert one.key != two.key
    assert one.key == Wanted(card=card(ARTIFACT), cause="deploy").key
