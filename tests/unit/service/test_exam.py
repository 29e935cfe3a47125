"""Exams and who holds them."""

import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import ModelCard, Skill
from modelnet.core.identity import NodeId
from modelnet.core.standing import Tally
from modelnet.resource.directory import Offer
from modelnet.service.exam import (
    Exam,
    Reply,
    best_of_others,
    examiners,
    grade,
    is_right,
    skills_to_examine,
    standing_from,
)
from modelnet.service.skill import SKILLS, Question, is_held_out
from modelnet.service.timing import Timing

NODES = [NodeId(f"did:key:{letter * 12}") for letter in string.ascii_lowercase]
names = st.sets(st.sampled_from(NODES), max_size=len(NODES))


def card(*skills: str) -> ModelCard:
    claimed = tuple(Skill(skill, skill) for skill in skills)
    return ModelCard(name="m", operations=("chat",), engine="scripted", skills=claimed)


def test_an_exam_is_repeatable_from_its_seed_and_only_from_it() -> None:
    exam = Exam(("arithmetic", "logic"), seed=5, questions_per_skill=8)
    assert exam.questions() == exam.questions()
    assert exam.questions() != Exam(("arithmetic", "logic"), 6, 8).questions()


def test_questions_are_held_out_and_as_many_as_asked_for() -> None:
    questions = Exam(tuple(SKILLS), seed=1, questions_per_skill=7).questions()
    assert all(is_held_out(question.key) for question in questions)
    assert {s: sum(q.skill == s for q in questions) for s in SKILLS} == dict.fromkeys(SKILLS, 7)


def test_skills_are_mixed_so_that_the_order_tells_nothing() -> None:
    asked = [q.skill for q in Exam(("arithmetic", "text"), seed=1).questions()]
    assert asked != sorted(asked)


def test_an_unknown_skill_cannot_be_examined() -> None:
    with pytest.raises(KeyError):
        Exam(("juggling",), seed=1).questions()


def test_claimed_skills_are_examined_unknown_ones_left_out() -> None:
    assert skills_to_examine(card("logic", "juggling", "arithmetic")) == ("arithmetic", "logic")
    assert skills_to_examine(card("juggling")) == ()


def test_who_claims_nothing_is_examined_in_everything() -> None:
    assert skills_to_examine(card()) == tuple(SKILLS)


def test_right_wrong_and_missing_replies_are_counted_by_skill() -> None:
    questions = Exam(("arithmetic", "logic"), seed=3, questions_per_skill=4).questions()
    replies = [Reply(q.answer) if q.skill == "arithmetic" else Reply(None) for q in questions]
    replies[next(i for i, q in enumerate(questions) if q.skill == "arithmetic")] = Reply("no idea")
    assert grade(questions, replies) == {"arithmetic": Tally(3, 4), "logic": Tally(0, 4)}


def test_a_reply_too_few_is_an_error() -> None:
    questions = Exam(("logic",), seed=1, questions_per_skill=2).questions()
    with pytest.raises(ValueError, match="shorter"):
        grade(questions, [Reply("yes")])


def test_a_standing_holds_the_median_time_and_mean_length_of_what_was_answered() -> None:
    questions = Exam(("logic",), seed=1, questions_per_skill=4).questions()
    replies = [
        Reply("x", Timing(0.1, 0.01, 50.0), 2),
        Reply("x", Timing(0.3, 0.03), 4),
        Reply(None, Timing(99.0, 99.0, 99.0), 99),
        Reply("x", Timing(0.2, 0.02, 70.0), 6),
    ]
    standing = standing_from(
        questions, replies, examiner=NODES[0], node=NODES[1], model="m", now=7.0
    )
    assert standing.latency_s == pytest.approx(0.2)
    assert standing.first_token_s == pytest.approx(0.02)
    assert standing.tokens_per_s == pytest.approx(60.0)
    assert standing.tokens_per_answer == pytest.approx(4.0)
    assert (standing.examiner, standing.node, standing.model) == (NODES[0], NODES[1], "m")
    assert standing.measured_at == 7.0


def test_a_model_that_never_answered_has_no_speed() -> None:
    questions = Exam(("logic",), seed=1, questions_per_skill=1).questions()
    standing = standing_from(
        questions, [Reply(None)], examiner=NODES[0], node=NODES[1], model="m", now=7.0
    )
    assert (standing.latency_s, standing.tokens_per_answer) == (0.0, 0.0)
    assert (standing.first_token_s, standing.tokens_per_s) == (None, None)


@given(names)
def test_three_others_examine_or_the_owner_when_alone(nodes: set[NodeId]) -> None:
    chosen = examiners(NODES[0], "m", nodes)
    if nodes <= {NODES[0]}:
        assert chosen == (NODES[0],)
    else:
        assert NODES[0] not in chosen
        assert set(chosen) <= nodes
        assert len(set(chosen)) == len(chosen) == min(3, len(nodes - {NODES[0]}))


@given(names.filter(lambda nodes: len(nodes) > 4), st.data())
def test_a_node_that_leaves_changes_at_most_its_own_place(
    nodes: set[NodeId], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(sorted(nodes)))
    before = set(examiners(NodeId("owner"), "m", nodes))
    after = set(examiners(NodeId("owner"), "m", nodes - {gone}))
    assert before - {gone} <= after


def test_exams_are_spread_over_the_nodes() -> None:
    load = dict.fromkeys(NODES, 0)
    for owner in NODES:
        for model in ("a", "b", "c", "d"):
            for examiner in examiners(owner, model, NODES):
                load[examiner] += 1
    assert min(load.values()) > 0
    assert max(load.values()) < 2 * 4 * 3


def offer(name: str, **skills: Tally) -> Offer:
    return Offer(node=NODES[0], card=msgspec.structs.replace(card(), name=name), skills=skills)


def test_the_best_of_the_others_is_what_a_newcomer_is_held_against() -> None:
    newcomer = offer("new", logic=Tally(12, 12), text=Tally(12, 12))
    others = (offer("a", logic=Tally(8, 10)), offer("b", logic=Tally(2, 10), facts=Tally(0, 2)))
    best = best_of_others(newcomer, (newcomer, *others))
    assert best == {"logic": pytest.approx(0.75), "facts": pytest.approx(0.25)}


@pytest.mark.parametrize(("text", "right"), [("yes", True), ("no", False), (None, False)])
def test_no_reply_is_wrong(text: str | None, right: bool) -> None:
    assert is_right(Question("logic", "boolean", "True?", "yes", "key"), Reply(text)) is right
