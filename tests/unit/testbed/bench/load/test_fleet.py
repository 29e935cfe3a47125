"""The simulated nodes, and the bound that their speeds set."""

import random

import pytest

from modelnet.testbed.bench.load.fleet import NODES, SPREAD, capacity, fleet, shares_at_best
from modelnet.testbed.bench.load.traffic import (
    LONGEST_WORK,
    alone_s,
    arrivals,
    mean_work,
    ratio_at_best,
    work,
)


def test_twenty_nodes_whose_speeds_are_ten_times_apart():
    servers = fleet(0)
    assert len(servers) == NODES
    assert servers[0].mean_s / servers[-1].mean_s == pytest.approx(SPREAD)
    assert {server.places for server in servers} == {1, 2, 4, 8}


def test_a_fleet_is_the_same_for_the_same_seed():
    assert fleet(3) == fleet(3) != fleet(4)


def test_the_fastest_are_filled_first():
    servers = fleet(0)
    shares = shares_at_best(servers, 0.1)
    assert sum(shares) == pytest.approx(1.0)
    assert shares[-1] == pytest.approx(1.0)

    full = shares_at_best(servers, 1.0)
    assert full[0] == pytest.approx(servers[0].capacity / capacity(servers))


def test_more_load_cannot_be_answered_as_fast():
    servers = fleet(0)
    assert ratio_at_best(servers, 0.1, 0.1, seed=0) == 1.0
    assert 1.1 < ratio_at_best(servers, 0.8, 0.1, seed=0) < 2.0


def test_answers_are_as_long_on_average_as_said():
    rng = random.Random(1)
    drawn = [work(rng) for _ in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(mean_work(), rel=0.02)
    assert 1 <= min(drawn) < max(drawn) <= LONGEST_WORK


def test_an_answer_of_mean_length_takes_the_mean_time_and_the_way():
    server = fleet(0)[5]
    two, four = alone_s(server, 2), alone_s(server, 4)
    at_mean = two + (four - two) / 2 * (mean_work() - 2)
    assert at_mean == pytest.approx(server.mean_s + 2 * server.delay_s)


def test_questions_come_at_the_rate_asked_for():
    times = [at_s for at_s, _ in arrivals(random.Random(1), 50.0, 10_000)]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(200.0, rel=0.05)
