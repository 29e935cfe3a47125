"""Several answers: when a cascade stops, who wins a race, what is paid."""

import numpy as np
import pytest

from modelnet.service.prediction.cascade import Step, Table
from modelnet.service.prediction.confidence import Answers
from modelnet.testbed.bench.routing.vote import race, stopped


def step(p, right, cost, latency_s):
    zeros = np.zeros(len(p))
    return Step(np.array(p), zeros, np.array(right), zeros + cost, zeros + latency_s)


def test_a_cascade_stops_where_it_is_sure_and_pays_for_what_it_asked():
    steps = [step([0.9, 0.4], [1.0, 0.0], 1.0, 0.5), step([0.9, 0.5], [0.0, 1.0], 10.0, 2.0)]
    answered = stopped(steps, (0.8,), has_times=True)
    assert answered.right.tolist() == [1.0, 1.0]
    assert answered.cost.tolist() == [1.0, 11.0]
    assert answered.latency_s.tolist() == [0.5, 2.5]


def table(distinct, right, latency_s):
    distinct = np.array(distinct)
    half = np.full(distinct.shape, 0.5)
    return Table(
        before=half,
        after=half,
        answers=Answers(distinct=distinct, form=np.zeros_like(distinct)),
        right=np.array(right),
        cost=np.ones(distinct.shape),
        latency_s=None if latency_s is None else np.array(latency_s),
    )


@pytest.mark.parametrize(
    ("distinct", "right", "ended", "verdict"),
    [
        ([0, 1, 1], [0.0, 1.0, 1.0], 2.0, 1.0),
        ([0, 0, 0], [1.0, 1.0, 1.0], 2.0, 1.0),
        ([0, 1, 0], [1.0, 0.0, 1.0], 3.0, 1.0),
        ([0, 1, 2], [1.0, 0.0, 0.0], 3.0, 1.0),
    ],
    ids=["the fast two agree", "all agree", "the slow two agree", "none agree"],
)
def test_a_race_ends_with_the_second_of_two_that_agree(distinct, right, ended, verdict):
    answered = race(table([distinct], [right], [[3.0, 1.0, 2.0]]), (0, 1, 2))
    assert answered.latency_s.tolist() == [ended]
    assert answered.right.tolist() == [verdict]
    assert answered.cost.tolist() == [3.0]
