"""Changes of models are found, and models that stay as they are, are left alone."""

import random
import statistics
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.standing import Tally
from modelnet.service.change import STEADY, THRESHOLD, Cusum, Direction, share_kept

FADES_AT = 400.0
"""Evidence never weighs more than so many questions: it fades as new comes."""


class Believer:
    """A model that is asked again and again, and what is believed of it meanwhile."""

    def __init__(self, rng: random.Random, rates: Mapping[str, float], measured: int) -> None:
        self._rng = rng
        self.known = {kind: self._ask(rate, measured) for kind, rate in rates.items()}
        self.cusum: Cusum = STEADY

    def _ask(self, rate: float, count: int) -> Tally:
        return Tally(float(sum(self._rng.random() < rate for _ in range(count))), float(count))

    def answers(self, rates: Mapping[str, float], at_most: int) -> int | None:
        """Return after how many answers a change is suspected."""
        for count in range(1, at_most + 1):
            kind = self._rng.choice(tuple(rates))
            one = self._ask(rates[kind], 1)
            self.cusum = self.cusum.after(self.known[kind].mean(0.8, 2.0), {kind: one}, count)
            if self.cusum.suspicion is not None:
                return count
            pooled = self.known[kind] + one
            self.known[kind] = pooled.weighted(min(1.0, FADES_AT / pooled.asked))
        return None

    @property
    def direction(self) -> Direction | None:
        return self.cusum.suspicion[0] if self.cusum.suspicion else None


def run_length(rate: float, measured: int, *, runs: int = 40, at_most: int = 4000) -> float:
    rng = random.Random(f"{rate} {measured}")
    lengths = (
        Believer(rng, {"text": rate}, measured).answers({"text": rate}, at_most) or at_most
        for _ in range(runs)
    )
    return statistics.fmean(lengths)


def delays(before: float, after: float, measured: int, runs: int = 200) -> list[int]:
    rng = random.Random(7)
    found: list[int] = []
    while len(found) < runs:
        model = Believer(rng, {"text": before}, measured)
        if model.answers({"text": before}, 50) is None:
            found.append(model.answers({"text": after}, 10_000) or 10_000)
    return found


@pytest.mark.parametrize(("rate", "measured"), [(0.9, 400), (0.9, 12), (0.5, 400), (0.5, 12)])
def test_a_model_that_stays_as_it_is_is_suspected_once_in_a_thousand_answers_at_most(
    rate: float, measured: int
) -> None:
    length = run_length(rate, measured)
    print(f"rate {rate} learnt from {measured}: suspected once in {length:.0f} answers")
    # Forty runs tell the mean of an exponential to 16 %; two standard errors are forgiven.
    assert length > 1000 * (1 - 2 * 0.16)


def test_a_fall_from_nine_to_six_of_ten_is_found_within_some_twenty_answers() -> None:
    means = {measured: statistics.fmean(delays(0.9, 0.6, measured)) for measured in (24, 100, 400)}
    print(f"answers until a fall from .9 to .6 is found, by questions before it: {means}")
    assert means[400] < 22
    assert means[100] < 27
    assert means[24] < 55


def test_a_collapse_is_found_within_a_dozen() -> None:
    assert statistics.fmean(delays(0.9, 0.1, 24)) < 12


def test_a_rise_is_found_too() -> None:
    model = Believer(random.Random(3), {"text": 0.3}, 100)
    assert model.answers({"text": 0.9}, 100) is not None
    assert model.direction == "better"


def test_another_mix_of_easy_and_hard_kinds_is_no_change() -> None:
    rng = random.Random(11)
    rates = {"easy": 0.95, "hard": 0.15}
    false_alarms = 0
    for _ in range(40):
        model = Believer(rng, rates, 100)
        false_alarms += model.answers({"easy": 0.95}, 100) is not None
        false_alarms += model.answers({"hard": 0.15}, 100) is not None
    assert false_alarms <= 8


def test_the_time_and_the_answers_of_a_change_are_told() -> None:
    cusum = STEADY
    for at in range(20):
        cusum = cusum.after(0.9, {"text": Tally(1, 1)}, float(at))
    assert cusum.worse.total == 0
    at = 20.0
    while cusum.suspicion is None:
        cusum = cusum.after(0.9, {"text": Tally(0, 0.5), "logic": Tally(0, 0.5)}, at)
        at += 1
    direction, change = cusum.suspicion
    assert (direction, change.since) == ("worse", 20.0)
    assert change.seen == {"text": Tally(0, (at - 20) / 2), "logic": Tally(0, (at - 20) / 2)}


@given(st.floats(0, 1), st.lists(st.booleans(), max_size=60))
def test_one_answer_never_says_more_than_the_odds_ratio(p: float, rights: list[bool]) -> None:
    cusum = STEADY
    for at, right in enumerate(rights):
        before = cusum
        cusum = cusum.after(p, {"text": Tally(float(right), 1)}, float(at))
        assert abs(cusum.worse.total - before.worse.total) < THRESHOLD / 3
        assert cusum.worse.total >= 0
        assert cusum.better.total >= 0


def test_verdicts_that_are_half_sure_of_what_was_believed_change_nothing() -> None:
    cusum = STEADY
    for at in range(1000):
        cusum = cusum.after(0.5, {"text": Tally(0.5, 1)}, float(at))
    assert cusum.suspicion is None


class TestWhatIsKept:
    def test_all_where_new_answers_are_as_before(self) -> None:
        assert share_kept({"text": Tally(90, 100)}, {"text": Tally(18, 20)}) == 1.0

    def test_next_to_nothing_where_they_are_not(self) -> None:
        assert share_kept({"text": Tally(90, 100)}, {"text": Tally(4, 20)}) <= 0.05

    def test_something_where_they_are_half_way(self) -> None:
        assert 0.0 < share_kept({"text": Tally(90, 100)}, {"text": Tally(13, 20)}) < 0.5

    def test_a_kind_never_asked_before_says_nothing(self) -> None:
        known = share_kept({"text": Tally(90, 100)}, {"text": Tally(18, 20), "logic": Tally(0, 9)})
        assert known == 1.0

    @given(st.integers(0, 40), st.integers(0, 40))
    def test_it_is_a_share(self, right: int, wrong: int) -> None:
        new = {"text": Tally(float(right), float(right + wrong))}
        assert 0.0 <= share_kept({"text": Tally(30, 40)}, new) <= 1.0
