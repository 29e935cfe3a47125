"""What `modelnet cache` tells."""

from modelnet.application.cli.cache import told
from modelnet.interaction.recall.count import RecallStatus
from modelnet.service.cache.trial import Trial, Trials


def trusted(checks: int, wrong: int = 0) -> RecallStatus:
    trials = Trials()
    for number in range(checks):
        trials.note(Trial(0.98, number < wrong, frozenset(), 0.0))
    return RecallStatus(
        mode="near", entries=3, size_bytes=2_000_000, for_s=60.0, trust=trials.trust
    )


def test_off():
    (line,) = told(RecallStatus())
    assert "--cache exact" in line


def test_exact():
    status = RecallStatus(mode="exact", entries=3, size_bytes=2_000_000, for_s=60.0, asked=9)
    first, second = told(status)
    assert first == "3 answers kept for 60 s each, 2.0 MB."
    assert second.startswith("9 questions asked: 0 answered from the same one")


def test_near_with_its_interval():
    *_, line = told(trusted(10, wrong=1))
    assert line.startswith("Nearness is not trusted yet: 1 of 10 compared answers differed, so ")
    *_, line = told(trusted(800))
    assert line.startswith("Nearness is trusted from a cosine of 0.97 on: 0 of 800")
    assert line.endswith("1.00% may.")


def test_asked_beforehand():
    status = RecallStatus(mode="exact", prefetch=True, fetched=4, fetched_used=3, given_up=1)
    *_, line = told(status)
    assert line == "4 answers asked for beforehand: 3 wanted since, 1 more given up."
