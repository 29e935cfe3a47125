"""The forecast as the router hears it."""

import random

import numpy as np
import pytest

from modelnet.core.identity import NodeId, RequestId
from modelnet.core.standing import Tally
from modelnet.service.change import Change
from modelnet.service.forecast import Forecast, fit
from modelnet.service.forecast.fit import Known, View
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.neighbourhood import packed
from modelnet.service.outcome import Outcome
from modelnet.service.routing import StandingRouter
from modelnet.service.standing import Beliefs
from tests.unit.service.forecast.topics import NOW, asked, believed, lessons, offer, question

HALF = believed(0.5, 0.5, 0.5)
OFFERS = [offer("0"), offer("1"), offer("stranger")]


def outcome(one: Known) -> Outcome:
    node, model = one.verdict.key
    return Outcome(
        node=node,
        model=model,
        kind=TaskKind.certain(OTHER),
        at=one.verdict.at,
        p_right=one.verdict.p_right,
        embedding=one.verdict.embedding,
        task=one.verdict.task or RequestId("task"),
    )


def taught(count: int = 200, seed: int = 1, **how) -> Forecast:
    forecast = Forecast(least=20, every=20)
    for one in lessons(np.random.default_rng(seed), count, **how):
        forecast.learn(outcome(one))
    return forecast


def refit(forecast: Forecast) -> None:
    snapshot = forecast.snapshot()
    forecast.use(fit(snapshot.known, NOW), snapshot.generation)


def means(tallies: list[Tally]) -> list[float]:
    return [tally.right / tally.asked for tally in tallies]


def cooking(seed: int = 9) -> np.ndarray:
    return question(np.random.default_rng(seed), 0)


def test_it_knows_who_knows_the_topic():
    forecast = taught()
    refit(forecast)
    first, second, stranger = means(forecast.evidence(asked(cooking()), OFFERS, HALF, HALF))
    assert first > 0.7
    assert second < 0.3
    assert stranger == pytest.approx(0.5, abs=0.1)


def test_a_replica_elsewhere_is_the_same_model():
    forecast = taught()
    refit(forecast)
    here, there = forecast.evidence(
        asked(cooking()), [offer("0"), offer("0", "elsewhere")], HALF[:2], HALF[:2]
    )
    assert here == there


def test_it_starts_from_what_is_believed_now():
    forecast = taught()
    refit(forecast)
    low, high = (
        means(forecast.evidence(asked(cooking()), OFFERS[:1], believed(p), believed(p)))[0]
        for p in (0.3, 0.6)
    )
    assert high - low == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    "embedding", [None, np.zeros(384), np.full(384, np.nan), np.ones(10)], ids=str
)
def test_of_a_question_that_lies_nowhere_it_says_nothing(embedding):
    forecast = taught()
    refit(forecast)
    with np.errstate(invalid="ignore"):
        assert forecast.evidence(asked(embedding), OFFERS, HALF, HALF) == [Tally()] * 3


def test_before_a_fit_and_without_worth_it_says_nothing():
    forecast = taught()
    assert forecast.evidence(asked(cooking()), OFFERS, HALF, HALF) == [Tally()] * 3
    forecast = taught(count=20)
    refit(forecast)
    forecast.use(fit(forecast.snapshot().known[:3], NOW), 0)
    assert forecast.fitted is not None
    assert forecast.fitted.finding.worth == 0.0
    assert forecast.evidence(asked(cooking()), OFFERS, HALF, HALF) == [Tally()] * 3


def test_it_is_due_when_enough_is_new():
    forecast = taught(count=19)
    assert not forecast.is_due
    forecast.learn(outcome(lessons(np.random.default_rng(2), 1)[0]))
    assert forecast.is_due
    forecast.snapshot()
    assert not forecast.is_due


def test_it_remembers_what_was_believed_when_it_was_asked():
    forecast = Forecast()
    place = cooking()
    forecast.evidence(asked(place), OFFERS, believed(0.6, 0.5, 0.4), believed(0.7, 0.2, 0.1))
    (one,) = lessons(np.random.default_rng(3), 1)
    told = one.verdict._replace(embedding=packed(place), key=(NodeId("node"), "0"))
    forecast.learn(outcome(Known(told)))
    forecast.learn(outcome(one))
    assert [known.view for known in forecast.snapshot().known] == [View(0.6, 0.7), None]


def test_of_what_cannot_be_true_it_learns_nothing():
    forecast = Forecast()
    (one,) = lessons(np.random.default_rng(3), 1)
    for wrong in (
        {"p_right": float("nan")},
        {"p_right": 2.0},
        {"embedding": b"short"},
        {"at": float("inf")},
    ):
        forecast.learn(outcome(Known(one.verdict._replace(**wrong))))
    assert forecast.snapshot().known == ()


def test_what_is_forgotten_is_gone_from_the_fit_too():
    forecast = taught()
    refit(forecast)
    stale = forecast.snapshot()
    forecast.forget(before=NOW + 1.0)
    assert forecast.fitted is None
    assert forecast.snapshot().known == ()
    forecast.use(fit(stale.known, NOW), stale.generation)
    assert forecast.fitted is None


def test_only_what_fits_is_forgotten():
    forecast = taught()
    forecast.forget(before=NOW - 1.0)
    forecast.forget(task=RequestId("another"))
    assert len(forecast.snapshot().known) == 200
    forecast.forget(task=RequestId("task"))
    assert forecast.snapshot().known == ()


def test_after_a_change_what_is_older_counts_less():
    forecast = taught()
    forecast.snapshot()
    forecast.doubt(Change(NodeId("node"), "0", "worse", 0.9, 0.4, 10.0, 0.2))
    assert forecast.is_due
    weights = [one.verdict.weight for one in forecast.snapshot().known if one.verdict.key[1] == "0"]
    assert weights[-10:] == [1.0] * 10
    assert set(weights[:-10]) == {0.2}


def test_the_router_hears_it_last_and_shows_it():
    forecast = taught()
    refit(forecast)
    router = StandingRouter(Beliefs(NodeId("me")), (), forecast)
    ranked = router.rank(asked(cooking()), OFFERS, now=NOW, rng=random.Random(1))
    assert [one.candidate.card.name for one in ranked] == ["0", "stranger", "1"]
    assert str(ranked[0].seen[-1]).endswith("verdicts, by forecast")
    router.forget()
    ranked = router.rank(asked(cooking()), OFFERS, now=NOW, rng=random.Random(1))
    assert {one.seen for one in ranked} == {()}
