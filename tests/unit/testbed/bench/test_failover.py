"""What clients saw under fire, counted."""

import pytest

from modelnet.testbed.bench.failover import CHARACTERS_PER_S, Answer, Tally

PACE_S = 1.0 / CHARACTERS_PER_S


def test_gaps_are_silences_beyond_the_pace_of_answers_that_changed_hands():
    tally = Tally(
        [
            Answer(None, contributors=1, longest_silence_s=5.0),
            Answer(None, contributors=2, longest_silence_s=PACE_S + 0.010),
            Answer(None, contributors=3, longest_silence_s=PACE_S + 0.030),
            Answer(None, contributors=2, longest_silence_s=PACE_S / 2),
        ],
        kills=4,
    )
    figures = tally.figures()
    assert figures.gap_ms_p50 == pytest.approx(10.0)
    assert figures.gap_ms_max == pytest.approx(30.0)
    assert (figures.kills, figures.lost) == (4, 0)


def test_every_answer_with_a_problem_is_lost():
    tally = Tally([Answer("'a' instead of 'b'", 1, 0.0), Answer(None, 1, 0.0)])
    assert tally.figures().lost == 1
    assert tally.problems == ["'a' instead of 'b'"]


def test_without_a_takeover_there_is_no_gap():
    assert Tally([Answer(None, 1, 1.0)]).figures().gap_ms_max is None
