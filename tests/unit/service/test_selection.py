"""From names to candidates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import ModelCard
from modelnet.core.error import NoModelError, UnknownModelError
from modelnet.core.identity import NodeId
from modelnet.resource.directory import Offer
from modelnet.service.preference import BALANCED, PREFERENCES
from modelnet.service.selection import links, select


def offer(node: str, model: str, name: str = "") -> Offer:
    card = ModelCard(name=model, operations=("chat",), engine="scripted")
    return Offer(node=NodeId(f"did:key:z6Mk{node}"), node_name=name, card=card)


ALICE = offer("aaaaaaaa1111", "zoo:calc", "alice")
BOB = offer("bbbbbbbb2222", "zoo:calc", "bob")
TEXT = offer("bbbbbbbb2222", "zoo:text", "bob")
ODD = offer("cccccccc3333", "me@home", "carol")
ALL = (ALICE, BOB, TEXT, ODD)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("zoo:calc", (ALICE, BOB)),
        ("zoo:calc@alice", (ALICE,)),
        ("zoo:calc@did:key:z6Mkbbbbbbbb2222", (BOB,)),
        ("zoo:calc@bbbb2222", (BOB,)),
        ("me@home", (ODD,)),
        ("me@home@carol", (ODD,)),
        ("auto", ALL),
        ("auto@bob", (BOB, TEXT)),
        ("auto:fast@alice", (ALICE,)),
    ],
)
def test_a_name_means_candidates(name: str, meant: tuple[Offer, ...]) -> None:
    (choice,) = select((name,), ALL)
    assert choice.candidates == meant
    assert choice.name == name


@pytest.mark.parametrize("name", PREFERENCES)
def test_auto_brings_its_preference(name: str) -> None:
    assert select((name,), ALL)[0].preference == PREFERENCES[name]
    assert select((f"{name}@bob",), ALL)[0].preference == PREFERENCES[name]


def test_a_model_is_chosen_among_its_nodes_in_balance() -> None:
    assert select(("zoo:calc",), ALL)[0].preference == BALANCED


def test_an_id_goes_before_a_name_that_pretends_to_be_one() -> None:
    liar = offer("dddddddd4444", "zoo:calc", "aaaa1111")
    assert select(("zoo:calc@aaaa1111",), (liar, ALICE))[0].candidates == (ALICE,)


def test_a_fallback_chain_keeps_its_order_and_drops_what_is_not_there() -> None:
    choices = select(("gone", "zoo:text", "zoo:calc@bob", "auto"), ALL)
    assert [choice.name for choice in choices] == ["zoo:text", "zoo:calc@bob", "auto"]


def test_an_unknown_model_is_answered_with_what_is_near_and_what_there_is() -> None:
    with pytest.raises(UnknownModelError) as caught:
        select(("zoo:clac",), ALL)
    message = caught.value.message
    assert "No reachable node serves 'zoo:clac': did you mean 'zoo:calc'" in message
    assert "me@home" in message
    assert "auto:cheap" in message


def test_a_name_near_to_nothing_is_answered_with_what_there_is() -> None:
    with pytest.raises(UnknownModelError, match="'xyz': reachable are zoo:calc, zoo:text"):
        select(("xyz",), ALL)


def test_a_long_list_is_cut() -> None:
    many = tuple(offer("a", f"model-{i}") for i in range(30))
    with pytest.raises(UnknownModelError, match="model-11 and 24 more"):
        select(("qqq",), many)


def test_a_model_on_another_node_is_answered_with_who_has_it() -> None:
    nameless = offer("eeeeeeee5555", "zoo:calc")
    with pytest.raises(UnknownModelError) as caught:
        select(("zoo:calc@dave",), (*ALL, nameless))
    expected = "No reachable node 'dave' serves 'zoo:calc': it is served by alice, bob, eeee5555."
    assert caught.value.message == expected


def test_an_empty_chain_means_nothing() -> None:
    with pytest.raises(UnknownModelError):
        select((), ALL)


def test_without_any_model_even_auto_fails() -> None:
    with pytest.raises(NoModelError, match="modelnet up"):
        select(("auto",), ())


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_any_names_are_resolved_or_refused(names: list[str]) -> None:
    try:
        choices = select(names, ALL)
    except UnknownModelError:
        return
    assert all(choice.candidates for choice in choices)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("auto",), [("single", ("auto",))]),
        ((), [("single", ("auto",))]),
        (("zoo:calc", "auto"), [("single", ("zoo:calc", "auto"))]),
        (("cascade",), [("cascade", ("auto",))]),
        (("race:fast",), [("race", ("auto:fast",))]),
        (("cascade@bob",), [("cascade", ("auto@bob",))]),
        (("cascade:cheap@bob",), [("cascade", ("auto:cheap@bob",))]),
        (("race", "zoo:calc", "auto"), [("race", ("auto",)), ("single", ("zoo:calc", "auto"))]),
        (("a", "race", "b"), [("single", ("a",)), ("race", ("auto",)), ("single", ("b",))]),
        (("race", "cascade"), [("race", ("auto",)), ("cascade", ("auto",))]),
        (("racer",), [("single", ("racer",))]),
        (("race:slow",), [("single", ("race:slow",))]),
        (("cascade/7b",), [("single", ("cascade/7b",))]),
    ],
)
def test_a_chain_is_cut_where_a_strategy_is_asked_for(names, found) -> None:
    assert [(link.strategy, link.names) for link in links(names)] == found


def test_a_strategy_weighs_what_its_name_says() -> None:
    assert links(("cascade:cheap@bob",))[0].preference == PREFERENCES["auto:cheap"]
    assert links(("cascade",))[0].preference == BALANCED
