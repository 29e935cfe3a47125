"""How much a report counts, and what liars gain."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.identity import NodeId
from modelnet.core.standing import Standing, Tally
from modelnet.service.sender import STRANGER, Senders, agreement
from modelnet.service.standing import OTHERS_CAP, Beliefs

ME = NodeId("me")
NOW = 1_000_000.0
QUESTIONS = 12

tallies = st.integers(0, 40).flatmap(
    lambda asked: st.integers(0, asked).map(lambda right: Tally(float(right), float(asked)))
)


@given(tallies, tallies)
def test_agreement_is_a_share_and_the_same_both_ways(one: Tally, other: Tally) -> None:
    agreed = agreement(one, other)
    assert agreed is None or 0.0 <= agreed <= 1.0
    assert agreed == pytest.approx(agreement(other, one))


@given(tallies.filter(lambda tally: tally.asked >= 4))
def test_the_same_result_agrees(tally: Tally) -> None:
    assert agreement(tally, tally) == 1.0


def test_results_far_apart_do_not_agree_and_short_ones_say_nothing() -> None:
    assert agreement(Tally(11, 12), Tally(1, 12)) == pytest.approx(0.0, abs=1e-3)
    assert agreement(Tally(11, 12), Tally(9, 12)) == 1.0
    assert agreement(Tally(3, 3), Tally(0, 12)) is None


def test_a_stranger_counts_half() -> None:
    assert Senders().weight(NodeId("stranger")) == STRANGER


def test_the_same_test_again_replaces_the_first() -> None:
    senders = Senders()
    for _ in range(50):
        senders.test(ME, "model", Tally(11, 12), Tally(11, 12))
    assert senders.weight(ME) < 0.7


def test_who_mends_its_ways_is_believed_again() -> None:
    senders = Senders()
    for number in range(20):
        senders.test(ME, number, Tally(12, 12), Tally(0, 12))
    assert senders.weight(ME) == 0.0
    for number in range(20, 84):
        senders.test(ME, number, Tally(12, 12), Tally(12, 12))
    assert senders.weight(ME) > 0.9


@given(st.lists(st.tuples(tallies, tallies)))
def test_a_weight_is_a_share(tests: list[tuple[Tally, Tally]]) -> None:
    senders = Senders()
    for number, (own, told) in enumerate(tests):
        senders.test(ME, number, own, told)
    assert 0.0 <= senders.weight(ME) < 1.0


class Town:
    """Models of known rates, what this node measured of some, and what others tell of all."""

    def __init__(self, liars: int, honest: int, seed: int = 1) -> None:
        self.rng = random.Random(seed)
        self.beliefs = Beliefs(ME)
        self.rates = {f"m{n}": self.rng.choice((0.1, 0.5, 0.9)) for n in range(60)}
        self.measured = [name for n, name in enumerate(self.rates) if n < 20]
        self.liars = [f"liar{n}" for n in range(liars)]
        self.honest = [f"honest{n}" for n in range(honest)]

    def exam(self, rate: float) -> Tally:
        right = sum(self.rng.random() < rate for _ in range(QUESTIONS))
        return Tally(float(right), float(QUESTIONS))

    def tell(self, examiner: str, model: str, tally: Tally) -> None:
        standing = Standing(
            examiner=NodeId(examiner),
            node=NodeId("owner"),
            model=model,
            skills={"text": tally},
            latency_s=0.1,
            tokens_per_answer=5.0,
            measured_at=NOW,
        )
        self.beliefs.record(standing, NOW)

    def live(self) -> None:
        """Measure a third of the models, and hear three or so reports on each."""
        for name in self.measured:
            self.tell(ME, name, self.exam(self.rates[name]))
        crowd = [*self.liars, *self.honest]
        for name, rate in self.rates.items():
            for examiner in self.rng.sample(crowd, min(4, len(crowd))):
                is_liar = examiner in self.liars
                self.tell(examiner, name, self.exam(1.0 - rate if is_liar else rate))

    def evidence(self, model: str) -> Tally:
        return self.beliefs.tallies(NodeId("owner"), model, NOW).get("text", Tally())

    def error(self) -> float:
        """Root mean square error on the models that only others measured."""
        unseen = [name for name in self.rates if name not in self.measured]
        return (
            statistics.fmean(
                (self.evidence(name).mean() - self.rates[name]) ** 2 for name in unseen
            )
            ** 0.5
        )


class AllCountHalf(Senders):
    """Nobody's word is ever tested."""

    def test(self, *_: object) -> None:
        pass


class TestAttacks:
    def test_a_fifth_who_lie_cost_less_than_where_all_count_half(self) -> None:
        def error(liars: int, senders: type[Senders]) -> float:
            towns = [Town(liars, 10 - liars, seed) for seed in range(6)]
            for town in towns:
                town.beliefs._senders = senders()
                town.live()
            return statistics.fmean(town.error() for town in towns)

        fixed, learnt = error(2, AllCountHalf), error(2, Senders)
        print(f"error on models never met: all count half {fixed:.3f}, learnt {learnt:.3f}")
        assert learnt < 0.75 * fixed
        assert error(0, Senders) < 1.05 * error(0, AllCountHalf)

    def test_liars_are_found_out_and_the_honest_are_not(self) -> None:
        town = Town(2, 8)
        town.live()
        liars, honest = (
            [town.beliefs._senders.weight(NodeId(name)) for name in names]
            for names in (town.liars, town.honest)
        )
        assert max(liars) < 0.35
        assert min(honest) > 0.6

    def test_those_who_praise_one_another_do_not_outvote_experience(self) -> None:
        town = Town(0, 8)
        town.live()
        for name in town.honest:
            town.tell(name, "accomplice", Tally(24, 24))
        praised = town.evidence("accomplice")
        assert praised.asked <= OTHERS_CAP
        town.tell(ME, "accomplice", Tally(0, QUESTIONS))
        assert town.evidence("accomplice").mean() < 0.15

    def test_a_reputation_earned_with_truth_buys_no_more_than_the_cap(self) -> None:
        town = Town(0, 8)
        town.live()
        for name in town.honest:
            town.tell(name, "accomplice", Tally(1e9, 1e9))
        assert town.evidence("accomplice").asked <= OTHERS_CAP

    def test_slander_of_a_model_this_node_knows_is_not_heard(self) -> None:
        town = Town(6, 0)
        town.tell(ME, "good", Tally(12, 12))
        for name in town.liars:
            town.tell(name, "good", Tally(0, 24))
        assert town.evidence("good").mean() > 0.9
