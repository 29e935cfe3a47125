"""A name lets expect something, worth two questions beside all that were asked."""

import random

import msgspec
import numpy as np
import pytest

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.standing import Tally
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.hierarchy.place import WORDS, words_of
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.known import Known, Table, bundled, bundled_centres
from modelnet.service.neighbourhood import SIZE
from modelnet.service.routing import StandingRouter
from modelnet.service.standing import Beliefs, Estimate
from modelnet.service.standing.belief import PRIOR_ASKED
from modelnet.service.witness import joined

KIND = TaskKind.certain(OTHER)
LAW, SUMS = np.eye(2, SIZE, dtype=np.float32)
TABLE = Table(
    kinds=("law", "sums"),
    meaning=np.eye(2, SIZE).astype("<f2").tobytes(),
    words=np.eye(2, WORDS).astype("<f2").tobytes(),
    models={"gpt-4o": bytes((255, 51)), "llama-3.1-8b": bytes((51, 204))},
)


def offer(name: str) -> Offer:
    card = ModelCard(name=name, operations=("chat",), engine="openai")
    return Offer(node=NodeId("n"), card=card)


GPT, LLAMA, NOBODY = offer("gpt-4o-2024-08-06"), offer("llama3.1:8b"), offer("my-own")


def told(known: Known, where: np.ndarray | None, *offers: Offer) -> list[Tally]:
    return known.evidence(TaskFeatures(kind=KIND, embedding=where), offers, 0.0)


def test_names_are_known_for_different_things():
    known = Known(lambda: TABLE)
    gpt, llama = told(known, LAW, GPT, LLAMA)
    assert (gpt.right, gpt.asked) == pytest.approx((2.0, PRIOR_ASKED), abs=1e-3)
    assert llama.right == pytest.approx(0.4, abs=1e-3)
    gpt, llama = told(known, SUMS, GPT, LLAMA)
    assert gpt.right < llama.right


def test_hashed_words_do_where_there_is_no_embedding():
    words = np.zeros(WORDS, np.float32)
    words[1] = 1.0
    features = TaskFeatures(kind=KIND, words=words)
    (gpt,) = Known(lambda: TABLE).evidence(features, [GPT], 0.0)
    assert gpt.right == pytest.approx(0.4, abs=1e-3)


@pytest.mark.parametrize("where", [None, np.full(SIZE, np.nan, np.float32), np.ones(3)])
def test_a_question_that_is_nowhere_is_of_all_kinds(where):
    (gpt,) = told(Known(lambda: TABLE), where, GPT)
    assert gpt.mean(0.0, 1e-9) == pytest.approx(0.6, abs=1e-3)


def test_a_name_is_worth_two_questions_beside_all_that_were_asked():
    known = Known(lambda: TABLE)
    (gpt,) = told(known, LAW, GPT)
    assert known.is_claim
    assert gpt.asked == PRIOR_ASKED
    share = gpt.right / gpt.asked
    for asked in (0.0, 12.0, 400.0):
        believed = Estimate(0.2, 0.1, asked)
        moved = joined(believed, gpt, is_claim=True).mean - 0.2
        assert moved == pytest.approx((share - 0.2) * PRIOR_ASKED / (asked + 2.0 * PRIOR_ASKED))


def test_a_name_that_says_nothing_lies_between_the_better_and_the_worse():
    gpt, llama, nobody = told(Known(lambda: TABLE), LAW, GPT, LLAMA, NOBODY)
    assert nobody.asked == gpt.asked
    assert nobody.right == pytest.approx((gpt.right + llama.right) / 2)


def test_where_nobody_is_known_nothing_is_told():
    assert told(Known(lambda: TABLE), LAW, NOBODY) == [Tally()]
    empty = Table(kinds=(), meaning=b"", words=b"", models={})
    assert told(Known(lambda: empty), LAW, GPT) == [Tally()]


def test_what_is_bundled_is_whole_and_small():
    table = bundled()
    assert len(msgspec.msgpack.encode(table)) < 300_000
    for size in (SIZE, WORDS):
        centres = bundled_centres(size)
        assert centres is not None
        assert centres.shape == (len(table.kinds), size)
        assert np.linalg.norm(centres, axis=1) == pytest.approx(1.0, abs=1e-3)
    assert bundled_centres(7) is None
    assert {len(row) for row in table.models.values()} == {len(table.kinds)}
    assert 0.0 < table.shares().min() <= table.shares().max() < 1.0


@pytest.mark.parametrize(
    ("better", "worse"),
    [("gpt-4o", "gpt-3.5-turbo"), ("llama3.1:70b", "llama3.1:8b"), ("gemma2:27b", "gemma2:2b")],
)
def test_better_models_are_expected_to_be(better, worse):
    text = "A train travels 60 miles in 1.5 hours. What is its average speed?"
    features = TaskFeatures(kind=KIND, words=words_of(text))
    one, other = Known().evidence(features, [offer(better), offer(worse)], 0.0)
    assert one.right > other.right + 0.1


def test_what_was_measured_is_told_before_what_a_name_lets_expect():
    beliefs = Beliefs(NodeId("me"))
    router = StandingRouter(beliefs, (Known(lambda: TABLE),))

    def because() -> str:
        features = TaskFeatures(kind=KIND, embedding=LAW)
        return router.rank(features, [GPT], now=0.0, rng=random.Random(0))[0].because

    assert because().startswith("1.00 right on 2 answers that its name lets expect")
    for _ in range(5):
        beliefs.observe(GPT.node, GPT.card.name, KIND, 0.0, 0.0)
    assert "right on other (5 questions)" in because()
