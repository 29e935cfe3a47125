"""What can be asked is listed by every name it answers to."""

import msgspec

from modelnet.application.gateway.catalog import (
    AUTO_NAMES,
    model_entries,
    node_views,
    offer_views,
)
from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.load import Load, ModelLoad
from modelnet.core.machine import Machine
from modelnet.core.standing import Speed, Tally
from modelnet.resource.directory import Directory, NodeEntry, Offer


def offer(node: str, name: str, model: str, *, is_local: bool = False) -> Offer:
    return Offer(
        node=NodeId(f"did:key:z6Mk{node}"),
        node_name=name,
        card=ModelCard(name=model, operations=("chat",), engine="scripted"),
        load=ModelLoad(1, 2, 3),
        is_local=is_local,
        skills={"arithmetic": Tally(9.5, 10)},
        speed=Speed(first_token_s=0.2, tokens_per_s=40.0),
    )


OFFERS = (
    offer("bbbbbbbb", "bob", "zoo:calc"),
    offer("aaaaaaaa", "alice", "zoo:calc", is_local=True),
    offer("aaaaaaaa", "alice", "a/b", is_local=True),
)


def test_models_by_every_name():
    entries = model_entries(OFFERS, 17)
    assert [(entry.id, entry.owned_by) for entry in entries] == [
        *((name, "modelnet") for name in (*AUTO_NAMES, "cascade", "race")),
        ("a/b", "alice"),
        ("zoo:calc", "modelnet"),
        ("a/b@alice", "alice"),
        ("zoo:calc@alice", "alice"),
        ("zoo:calc@bob", "bob"),
    ]
    assert {entry.created for entry in entries} == {17}


def test_nodes_of_one_name_are_told_apart():
    twins = (offer("11111111", "pi", "m"), offer("22222222", "pi", "m"))
    names = [entry.id for entry in model_entries(twins, 0)]
    assert names[-2:] == ["m@11111111", "m@22222222"]


def test_strategies_are_listed_where_models_can_answer_together():
    replicas = (offer("11111111", "a", "m"), offer("22222222", "b", "m"))
    assert "race" not in [entry.id for entry in model_entries(replicas, 0)]
    mute = msgspec.structs.replace(
        OFFERS[0], card=ModelCard(name="vectors", operations=("embed",), engine="onnx")
    )
    assert "race" not in [entry.id for entry in model_entries((*replicas, mute), 0)]
    assert "race" in [entry.id for entry in model_entries((*replicas, OFFERS[0]), 0)]


def test_nobody_is_here():
    assert [entry.id for entry in model_entries((), 0)] == list(AUTO_NAMES)
    assert node_views(Directory(NodeId("me"))) == []


def test_all_that_is_known_of_a_model():
    view = msgspec.to_builtins(offer_views(OFFERS)[1])
    assert view["id"] == "zoo:calc@alice"
    assert view["is_local"] is True
    assert view["load"] == {"running": 1, "waiting": 2, "parallel": 3}
    assert view["skills"] == {"arithmetic": {"right": 9.5, "asked": 10}}
    assert view["card"]["operations"] == ("chat",)
    assert view["speed"] == {"first_token_s": 0.2, "tokens_per_s": 40.0}


def test_this_node_is_listed_first_and_idle_ones_too():
    me, bob, idle = NodeId("me"), NodeId("bob"), NodeId("idle")
    card = OFFERS[0].card
    machine = Machine(cores=2.0)
    directory = Directory(
        me,
        {
            bob: NodeEntry(node=bob, since=0, name="bob", cards=(card,), load=Load({}, machine)),
            idle: NodeEntry(node=idle, since=0, name="idle"),
            me: NodeEntry(node=me, since=0, name="zoe", cards=(card,)),
        },
    )
    views = node_views(directory)
    assert [(view.name, view.is_local, view.models, view.machine) for view in views] == [
        ("zoe", True, ("zoo:calc",), None),
        ("bob", False, ("zoo:calc",), machine),
        ("idle", False, (), None),
    ]
