"""Which pathway is planned, and what verdicts make of it."""

from dataclasses import replace

import pytest

from modelnet.core.identity import RequestId
from modelnet.core.request import Chat, Embed, Message
from modelnet.core.task import Task
from modelnet.core.wish import Wish
from modelnet.interaction.coordinator import strategies
from modelnet.interaction.planner import Planner
from modelnet.interaction.strategy.errand import Errand
from modelnet.service.analysis import analyse
from modelnet.service.breaker import Breaker
from modelnet.service.pathway.outlook import Outlook
from modelnet.service.standing import Estimate
from modelnet.service.terms import Terms
from tests.unit.service.pathway.candidates import scored

NOW = 1000.0
PROVED = Outlook(is_provable=True)


def measured(name: str, p: float, **about):
    quality = Estimate(p, 0.02, 400.0)
    return replace(scored(name, p=p, **about), quality=quality, on_kind=quality)


SMALL = measured("small", 0.8, latency_s=0.1, cost_usd=0.0001)
LARGE = measured("large", 0.97, latency_s=0.5, cost_usd=0.02)
RANKED = (LARGE, SMALL)


def errand(*, id: str = "1", request=None, within_s: float = 60.0, **about) -> Errand:
    request = request or Chat((Message("user", "What is 17 + 25?"),))
    kept = about.pop("is_kept", True)
    task = Task(id=RequestId(id), request=request, deadline=NOW + within_s, is_kept=kept)
    made = {"outlook": PROVED, **about}
    return Errand(task=task, features=analyse(request), names=("auto",), **made)


@pytest.fixture
def planner() -> Planner:
    return Planner(strategies())


def planned(planner: Planner, asked: Errand, ranked=RANKED) -> str:
    return planner.plan(asked, ranked, NOW).strategy


def test_a_cascade_where_it_surely_gains(planner: Planner):
    assert planned(planner, errand()) == "cascade"


@pytest.mark.parametrize(
    "asked",
    [
        errand(outlook=Outlook()),
        errand(request=Embed(("x",))),
        errand(within_s=0.3),
        errand(terms=Terms(limits=Wish(max_latency_s=0.3))),
    ],
    ids=["prose", "embedding", "deadline", "limit"],
)
def test_one_model_where_it_does_not(planner: Planner, asked: Errand):
    assert planned(planner, asked) == "single"


@pytest.mark.parametrize(
    "ranked",
    [
        (),
        (LARGE,),
        (LARGE, measured("large", 0.97, node="other")),
        tuple(replace(one, breaker=Breaker(3, NOW + 9.0)) for one in RANKED),
        (LARGE, replace(SMALL, breaker=Breaker(3, NOW + 9.0))),
    ],
    ids=["nobody", "one", "replicas", "all rest", "the cheap one rests"],
)
def test_one_model_where_there_is_no_other(planner: Planner, ranked):
    assert planned(planner, errand(), ranked) == "single"


def test_what_is_told_to_a_person_is_all_of_it(planner: Planner):
    told = planner.plan(errand(outlook=Outlook()), RANKED, NOW, is_told=True)
    assert [one.strategy for one in told.prospects] == ["single", "cascade"]
    assert told.because


def test_harm_closes_the_gate_and_only_its_own(planner: Planner):
    for number in range(20):
        asked = errand(id=str(number))
        planner.expect(asked, planner.plan(asked, RANKED, NOW).chosen)
        planner.learn(asked.task.id, 0.0, NOW)
    assert planned(planner, errand()) != "cascade"
    assert planned(Planner(strategies()), errand()) == "cascade"


def test_a_verdict_counts_once_and_only_where_something_was_foretold(planner: Planner):
    asked = errand()
    planner.expect(asked, planner.plan(asked, RANKED, NOW).chosen)
    for _ in range(50):
        planner.learn(asked.task.id, 0.0, NOW)
        planner.learn(RequestId("unheard of"), 0.0, NOW)
    assert planned(planner, errand()) == "cascade"


def test_what_must_not_be_kept_is_not_remembered(planner: Planner):
    asked = errand(is_kept=False)
    planner.expect(asked, planner.plan(asked, RANKED, NOW).chosen)
    assert planner._foretold == {}


def test_it_waits_for_so_many_verdicts(planner: Planner):
    chosen = planner.plan(errand(), RANKED, NOW).chosen
    for number in range(5000):
        planner.expect(errand(id=str(number)), chosen)
    assert len(planner._foretold) == 4096
