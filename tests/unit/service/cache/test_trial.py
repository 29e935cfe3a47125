"""How far nearness is trusted."""

import random

from modelnet.core.identity import RequestId
from modelnet.service.cache.trial import LEAST_COSINE, STEPS, Trial, Trials


def trial(cosine: float, is_wrong: bool = False, *tasks: str, at: float = 0.0) -> Trial:
    return Trial(cosine, is_wrong, frozenset(map(RequestId, tasks)), at)


def filled(count: int, cosine: float, wrong: int = 0, trials: Trials | None = None) -> Trials:
    made = trials or Trials()
    for number in range(count):
        made.note(trial(cosine, number < wrong))
    return made


def test_without_evidence_nothing_is_trusted():
    trials = Trials()
    assert not trials.is_trusted(1.0)
    assert (trials.trust.checks, trials.trust.rate_high) == (0, 1.0)


def test_trust_takes_hundreds_of_checks():
    assert not filled(600, 0.98).is_trusted(1.0)
    trials = filled(700, 0.98)
    assert trials.is_trusted(0.98)
    assert trials.trust.rate_high <= 0.01
    assert (trials.trust.checks, trials.trust.wrong) == (700, 0)


def test_many_that_are_very_near_do_not_answer_for_a_few_that_are_not():
    trials = filled(5000, 0.99)
    assert trials.trust.from_cosine == STEPS[0]
    for cosine in (0.95, 0.92, 0.89, 0.86):
        filled(60, cosine, trials=trials)
    assert trials.trust.from_cosine == LEAST_COSINE
    filled(6, 0.86, wrong=6, trials=trials)
    assert trials.trust.wrong / trials.trust.checks < 0.002
    assert trials.trust.from_cosine == STEPS[-2]
    assert not trials.is_trusted(0.87)
    assert trials.is_trusted(0.88)


def test_what_was_never_seen_is_not_trusted():
    trials = filled(49, 0.9, trials=filled(5000, 0.99))
    assert not trials.is_trusted(0.9)
    # What is nearer than all that was seen is trusted with it.
    trials = filled(5000, 0.9)
    assert trials.is_trusted(0.99)


def test_trust_goes_when_answers_begin_to_differ():
    trials = filled(800, 0.98)
    assert trials.is_trusted(0.99)
    filled(12, 0.98, wrong=12, trials=trials)
    assert not trials.is_trusted(1.0)
    assert trials.trust.rate_low > 0.003


def test_a_laxer_limit_takes_less():
    assert filled(100, 0.98, trials=Trials(limit=0.1)).is_trusted(0.98)
    assert not filled(100, 0.98, trials=Trials(limit=0.05)).is_trusted(0.98)


def test_forgotten():
    trials = Trials()
    trials.note(trial(0.9, True, "a", "b", at=1.0))
    trials.note(trial(0.9, True, "c", at=2.0))
    trials.forget(task=RequestId("b"))
    assert trials.trust.checks == 1
    trials.forget(before=2.0)
    assert trials.trust.checks == 1
    trials.forget()
    assert trials.trust.checks == 0


def test_one_in_ten_is_checked_all_the_same():
    trials, rng = Trials(), random.Random(1)
    assert 60 < sum(trials.is_due(rng) for _ in range(1000)) < 140


def test_bounded():
    trials = filled(9000, 0.98)
    assert trials.trust.checks == 8192
