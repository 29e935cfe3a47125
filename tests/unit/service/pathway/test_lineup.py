"""Who runs in a race."""

from modelnet.service.breaker import Breaker
from modelnet.service.pathway.lineup import lineup
from modelnet.service.preference import BALANCED
from tests.unit.service.pathway.candidates import scored

NOW = 100.0


def running(*ranked, size: int = 3) -> list[tuple[str, str]]:
    members = lineup(ranked, BALANCED, size=size, now=NOW)
    return [(m.candidate.card.name, m.candidate.node) for m in members]


def test_the_best_run():
    ranked = [scored(name) for name in "abcd"]
    assert running(*ranked) == [("a", "of-a"), ("b", "of-b"), ("c", "of-c")]
    assert running(*ranked, size=1) == [("a", "of-a")]
    assert running() == []


def test_no_voice_runs_twice():
    ranked = [scored("a", "x"), scored("a", "y"), scored("b", "x"), scored("c", "z")]
    assert running(*ranked) == [("a", "x"), ("c", "z")]
    mine = [scored("a", "x", is_local=True), scored("b", "x", is_local=True)]
    assert running(*mine) == [("a", "x"), ("b", "x")]


def test_who_is_too_dear_or_rests_does_not_run_beside_the_best():
    dear, tired = scored("b", cost_usd=1.0), scored("c", breaker=Breaker(3, NOW + 9))
    assert running(scored("a"), dear, tired, scored("d")) == [("a", "of-a"), ("d", "of-d")]
    assert running(scored("a"), scored("b", p=0.2), scored("c", p=0.4), size=2)[-1][0] == "c"
    assert running(dear) == [("b", "of-b")]
