"""Which models a card says it is like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import Artifact, ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.standing import Tally
from modelnet.service.likeness import BY_FAMILY, BY_FILE, Relatives, expected, family

SIZE = 7_240_000_000


def card(name: str, parameters: int | None = SIZE, digest: str | None = None) -> ModelCard:
    artifact = Artifact(digest * 64, 1, "gguf") if digest else None
    return ModelCard(
        name=name,
        operations=("chat",),
        engine="scripted",
        parameters=parameters,
        artifact=artifact,
    )


@pytest.mark.parametrize(
    "name",
    [
        "owl2.5-7b-instruct",
        "Lab/Owl2.5-7B-Instruct",
        "owl2.5-7b-instruct-q4_k_m",
        "owl2.5-7b-instruct.Q8_0.gguf",
        "owl2.5-instruct-iq3_xxs",
        "owl2.5:7b-instruct-fp16",
        "owl2.5-7b-instruct-bf16",
        "owl2.5-7b-instruct-awq",
    ],
)
def test_names_of_one_family(name: str) -> None:
    assert family(card(name)) == family(card("owl2.5-instruct"))


@pytest.mark.parametrize("name", ["owl2-7b-instruct", "owl2.5-7b", "owl2.5-7b-coder", "howl2.5-7b"])
def test_names_of_others(name: str) -> None:
    assert family(card(name)) != family(card("owl2.5-7b-instruct"))


def test_another_size_is_another_family_and_an_untold_one_is_none() -> None:
    assert family(card("owl", SIZE)) == family(card("owl", SIZE + 1_000_000))
    assert family(card("owl", SIZE)) != family(card("owl", 2 * SIZE))
    assert family(card("owl", None)) is None
    assert family(card("owl", 0)) is None
    assert family(card("owl", -SIZE)) is None
    assert family(card("q4_0")) is None


def relatives(*known: tuple[str, ModelCard]) -> Relatives:
    made = Relatives()
    for node, its_card in known:
        made.add((NodeId(node), its_card.name), its_card)
    return made


ME = NodeId("me"), "owl"


def test_the_same_file_says_more_than_the_same_family() -> None:
    made = relatives(("a", card("cat", digest="c")), ("b", card("owl", digest="d")))
    assert made.find(ME, card("owl", digest="c")) == (BY_FILE, ((NodeId("a"), "cat"),))
    assert made.find(ME, card("owl", digest="e")) == (BY_FAMILY, ((NodeId("b"), "owl"),))
    assert made.find(ME, card("dog")) == (0.0, ())


def test_a_node_counts_once_however_many_models_it_names_so() -> None:
    made = relatives(*(("a", card(f"owl-q{n}_0")) for n in range(2, 9)), ("b", card("owl")))
    _, alike = made.find(ME, card("owl"))
    assert {node for node, _ in alike} == {"a", "b"}
    assert len(alike) == 2


def test_only_so_many_are_looked_at() -> None:
    made = relatives(*((f"n{number}", card("owl")) for number in range(100)))
    assert len(made.find(ME, card("owl"))[1]) == 16


def test_a_card_that_changed_is_like_others_from_then_on() -> None:
    made = relatives(("a", card("owl", digest="c")))
    made.add((NodeId("a"), "owl"), card("owl", None))
    assert made.find(ME, card("owl", digest="c")) == (0.0, ())
    made.drop((NodeId("a"), "owl"))
    made.drop((NodeId("a"), "owl"))


def test_models_hardly_measured_are_no_example() -> None:
    assert expected(0.6, BY_FILE, [Tally(0, 7)]) == 0.6
    assert expected(0.6, BY_FILE, []) == 0.6


@given(
    st.floats(0, 1),
    st.sampled_from([BY_FILE, BY_FAMILY]),
    st.lists(st.integers(0, 40).map(lambda right: Tally(float(right), 40.0)), min_size=1),
)
def test_a_guess_lies_between_the_claim_and_the_models_it_follows(
    claimed: float, share: float, known: list[Tally]
) -> None:
    average = sum(tally.mean() for tally in known) / len(known)
    guess = expected(claimed, share, known)
    assert min(claimed, average) - 1e-9 <= guess <= max(claimed, average) + 1e-9


@given(st.text())
def test_any_name_can_be_read(name: str) -> None:
    family(card(name))
